-- A chapter as the body of a page; html/page.html stands around it. No style attribute and no
-- script may come from here: the pages' policy forbids both.

local LOG_LINES = 12 -- longer outputs are folded
local OPTIONS = pandoc.WriterOptions { html_math_method = "mathml", wrap_text = "none" }

local stringify = pandoc.utils.stringify

local function escape(text)
  return (text:gsub("[&<>\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
end

local function raw(text) return pandoc.RawBlock("html", text) end

local function heading(header)
  local number = header.attributes.number
  header.attributes.number = nil
  if number == "" then return header end
  header.content:insert(1, pandoc.Space())
  header.content:insert(1, pandoc.Span({ pandoc.Str(number) }, { class = "header-section-number" }))
  return header
end

local function picture(image)
  image.caption = { pandoc.Str(image.attributes.alt) }
  image.attributes.alt = nil
  image.attributes.loading = "lazy"
  local enlarges = not image.classes:includes("nolightbox")
  image.classes = image.classes:filter(function(c) return not c:match("lightbox$") end)
  if enlarges then image.classes:insert("lightbox") end
  return image
end

local function lone_picture(para)
  if #para.content == 1 and para.content[1].t == "Image" then
    return pandoc.Figure({ pandoc.Plain(para.content) }, {}, { class = "figure" })
  end
end

-- Blocks between two tags, with a line above them in tags of its own.
local function titled(opening, title, blocks, closing)
  local tag = opening:match("<(%a+)[^<]*$")
  local out = pandoc.Blocks { raw(opening), pandoc.Plain(title), raw("</" .. tag .. ">") }
  out:extend(blocks)
  out:insert(raw(closing))
  return out
end

local function listing(element)
  local opening = '<figure id="' .. element.identifier .. '" class="listing"><figcaption>'
  return titled(opening, element.caption.long[1].content, element.content, "</figure>")
end

local function figure(element)
  if element.classes:includes("listing") then return listing(element) end
  local more = element.attributes.part and "part" or element.attributes.script and "explorable"
  element.classes = { "figure", more or nil }
  element.attributes.part = nil
  element.content = element.content:walk {
    Figure = function(inner) if not inner.classes:includes("part") then return inner.content end end,
    Para = function(para) return para.content[1].t == "Image" and pandoc.Plain(para.content) or nil end,
  }
  return element
end

-- Alignment by class: the pages' policy forbids style attributes.
local function align_by_class(tbl)
  local class = { AlignRight = "num", AlignCenter = "center" }
  local function rows(list)
    for _, row in ipairs(list) do
      local column = 1
      for _, cell in ipairs(row.cells) do
        local own = cell.alignment ~= "AlignDefault" and cell.alignment
        local spec = tbl.colspecs[column]
        local name = class[tostring(own or (spec and spec[1]))]
        if name then cell.classes:insert(name) end
        cell.alignment = "AlignDefault"
        column = column + cell.col_span
      end
    end
  end
  rows(tbl.head.rows)
  for _, body in ipairs(tbl.bodies) do
    rows(body.head)
    rows(body.body)
  end
  rows(tbl.foot.rows)
  tbl.colspecs = tbl.colspecs:map(function() return { pandoc.AlignDefault, nil } end)
end

local function set_table(tbl)
  align_by_class(tbl)
  local id, caption = tbl.identifier, tbl.caption.long
  tbl.identifier, tbl.caption = "", { long = {} }
  local name = #caption > 0 and stringify(caption):match("^(Table[^:]+):") or "Table"
  local wrap = pandoc.Div({ tbl }, pandoc.Attr("", { "table-wrap" }, {
    { "tabindex", "0" }, { "role", "group" }, { "aria-label", name },
  }))
  if #caption == 0 then return wrap end
  local opening = id ~= "" and '<figure id="' .. id .. '" class="table">' or '<figure class="table">'
  return titled(opening .. "<figcaption>", caption[1].content, { wrap }, "</figure>")
end

-- pandoc's highlighting without its ids and anchors on each line, and scrollable by keyboard.
local function without_anchors(html)
  html = html:gsub('<span id="cb%d+%-%d+"><a [^>]*></a>([^\n]-)</span>\n', "%1\n")
  html = html:gsub('<span id="cb%d+%-%d+"><a [^>]*></a>([^\n]-)</span></code>', "%1</code>")
  html = html:gsub('<div class="sourceCode" id="cb%d+"><pre%s', '<div class="code"><pre tabindex="0" ')
  return (html:gsub("<pre><code>", '<pre tabindex="0"><code>'))
end

local function printed(block)
  local lines = pandoc.List {}
  for line in (block.text .. "\n"):gmatch("(.-)\n") do lines:insert(line) end
  local html = '<pre tabindex="0"><code>' .. escape(block.text) .. "</code></pre>"
  if #lines <= LOG_LINES then return raw(html) end
  local summary = escape(lines[1]) .. " … " .. escape(lines[#lines]) .. ", " .. #lines .. " lines"
  return raw('<details class="log"><summary>' .. summary .. "</summary>\n" .. html .. "\n</details>")
end

local function folded(block)
  local summary = block.attributes["code-summary"]
  if not block.attributes["code-fold"] then return pandoc.CodeBlock(block.text, { class = block.classes[1] }) end
  return {
    raw('<details class="code-fold"><summary>' .. escape(summary) .. "</summary>"),
    pandoc.CodeBlock(block.text, { class = block.classes[1] }), raw("</details>"),
  }
end

local function output(div)
  return div.classes:includes("cell-output") and div:walk { CodeBlock = printed } or nil
end

local function callout(element, kind)
  local title = element.content:remove(1).content[1].content
  local id = element.identifier ~= "" and ' id="' .. element.identifier .. '"' or ""
  local tag, head, attributes = "aside", "p", ' role="note"'
  if element.attributes.collapse then
    tag, head = "details", "summary"
    attributes = element.attributes.collapse == "false" and " open" or ""
  end
  local opening = "<" .. tag .. id .. ' class="callout ' .. kind .. '"' .. attributes .. ">"
  opening = opening .. "<" .. head .. ' class="callout-title">'
  return titled(opening, title, element.content, "</" .. tag .. ">")
end

local function tab(element)
  local title = element.content:remove(1).content[1].content
  return titled('<details class="tab" open><summary>', title, element.content, "</details>")
end

local function layout(element)
  element.classes:insert("columns-" .. element.attributes.columns)
  element.attributes.columns = nil
  return element
end

local function div(element)
  local kind = element.classes[1] or ""
  if kind == "tab" then return tab(element) end
  if kind == "layout" then return layout(element) end
  if kind:match("^callout%-") and kind ~= "callout-title" then return callout(element, kind) end
end

-- Where a reference or citation leads to from this page.
local function link_from(chapter, references)
  return function(link)
    local page, anchor = link.attributes.page, link.target
    if anchor:match("^#ref%-") then page = references end
    if not page then return nil end
    if link.attributes.chapter and page ~= chapter.page then anchor = "" end
    link.target = (page ~= chapter.page and chapter.to_root .. page or "") .. anchor
    link.attributes.page, link.attributes.chapter = nil, nil
    return link
  end
end

return function(blocks, chapter, job)
  blocks = blocks:walk { Div = output, Link = link_from(chapter, job.references) }
  blocks = blocks:walk {
    Header = heading, Image = picture, Para = lone_picture, Figure = figure,
    Table = set_table, CodeBlock = folded, Div = div,
  }
  return without_anchors(pandoc.write(pandoc.Pandoc(blocks), "html", OPTIONS))
end
