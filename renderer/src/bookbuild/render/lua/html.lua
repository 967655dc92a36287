-- Write a chapter as the body of a page, for outputs/html/page.html. The pages' policy forbids
-- style attributes and scripts, so none may be written.

local LOG_LINES = 12 -- longer outputs are folded
local mark_arrays = require("typst_calls").mark_arrays
local OPTIONS = pandoc.WriterOptions { html_math_method = "mathml", wrap_text = "none" }
local ALIGNED = { right = ' class="num"', center = ' class="center"', left = "" }
local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

local inlines = require "inlines"
local stringify = pandoc.utils.stringify

local function escape(text) return (text:gsub("[&<>\"]", ENTITIES)) end

local function raw(text) return pandoc.RawBlock("html", text) end

-- Blocks in an element that begins with a title: `opening` ends with the title's tag.
local function titled(opening, title, blocks, closing)
  local tag = opening:match("<(%a+)[^<]*$")
  local head = pandoc.Blocks { raw(opening), pandoc.Plain(title), raw("</" .. tag .. ">") }
  return head .. pandoc.Blocks(blocks) .. { raw(closing) }
end

-- texmath aligns by an attribute of its own, too, and the pages' policy forbids styles.
local function write(blocks)
  local html = pandoc.write(pandoc.Pandoc(blocks), "html", OPTIONS)
  html = html:gsub('(<m%a+[^>]*) style="[^"]*"', "%1")
  return (html:gsub("<math.-</math>", function(math) return mark_arrays(math, math) end))
end

local function write_short(header) return write { pandoc.Plain(inlines.short(header.content)) } end

-- The title and its forms for other places. It is written with the text, since its notes are there.
local function title(header, results)
  results.title = inlines.plain(header.content)
  results.titles.entry = write_short(header)
  header.attr = pandoc.Attr(header.identifier)
  return header
end

-- Search results show the attribute `data-title` instead of a heading that is more than text.
local function heading(header, results)
  if header.level == 1 then return title(header, results) end
  local number = header.attributes.number
  results.toc:insert {
    id = header.identifier, number = number, title = write_short(header), level = header.level,
  }
  header.classes = {}
  header.attributes.number = nil
  if inlines.is_rich(header.content) then
    local plain = inlines.plain(header.content)
    header.attributes["data-title"] = (number ~= "" and number .. " " or "") .. plain
  end
  if number == "" then return header end
  header.content:insert(1, pandoc.Space())
  header.content:insert(1, pandoc.Span({ pandoc.Str(number) }, { class = "header-section-number" }))
  return header
end

-- Make a reference, citation or link lead from this page to its target's page.
local function link_from(chapter, references)
  return function(link)
    local page, anchor = link.attributes.page, link.target
    if link.attributes.file then
      link.target, link.attributes.file = link.target:gsub("^/", chapter.to_root), nil
      return link
    end
    if anchor:match("^#ref%-") then page = references end
    if not page then return nil end
    local is_elsewhere = page ~= chapter.page
    if link.attributes.chapter and is_elsewhere then anchor = "" end
    link.target = (is_elsewhere and chapter.to_root .. page or "") .. anchor
    link.attributes.page, link.attributes.chapter = nil, nil
    return link
  end
end

local function picture(image)
  image.caption = { pandoc.Str(image.attributes.alt) }
  image.attributes.alt = nil
  image.attributes.loading = "lazy"
  local enlarges = not image.classes:includes("nolightbox")
  image.classes = image.classes:filter(function(class) return not class:match("lightbox$") end)
  if enlarges then image.classes:insert("lightbox") end
  return image
end

local function lone_picture(para)
  if #para.content == 1 and para.content[1].t == "Image" then
    return pandoc.Figure({ pandoc.Plain(para.content) }, {}, { class = "figure" })
  end
end

local function listing(element)
  local opening = '<figure id="' .. element.identifier .. '" class="listing"><figcaption>'
  return titled(opening, element.caption.long[1].content, element.content, "</figure>")
end

local function figure(element)
  if element.classes:includes("listing") then return listing(element) end
  local kind = element.attributes.part and "part" or element.attributes.script and "explorable"
  element.classes = { "figure", kind or nil }
  element.attributes.part = nil
  element.content = element.content:walk {
    Figure = function(inner)
      if not inner.classes:includes("part") then return inner.content end
    end,
    Para = function(para)
      return para.content[1].t == "Image" and pandoc.Plain(para.content) or nil
    end,
  }
  return element
end

local function set_table(tbl)
  tbl.colspecs = tbl.colspecs:map(function(spec) return { spec[1], nil } end)
  local id, caption = tbl.identifier, tbl.caption.long
  tbl.identifier, tbl.caption = "", { long = {} }
  local name = #caption > 0 and stringify(caption):match("^(Table[^:]+):") or "Table"
  local wrap = pandoc.Div({ tbl }, pandoc.Attr("", { "table-wrap" }, {
    { "tabindex", "0" }, { "role", "group" }, { "aria-label", name },
  }))
  if #caption == 0 then return wrap end
  local opening = "<figure" .. (id ~= "" and ' id="' .. id .. '"' or "") .. ' class="table">'
  return titled(opening .. "<figcaption>", caption[1].content, { wrap }, "</figure>")
end

local function code(block)
  local plain = pandoc.CodeBlock(block.text, { class = block.classes[1] })
  if not block.attributes["code-fold"] then return plain end
  local summary = "<summary>" .. escape(block.attributes["code-summary"]) .. "</summary>"
  return { raw('<details class="code-fold">' .. summary), plain, raw("</details>") }
end

local function printed(block)
  local text = block.text
  local html = '<pre tabindex="0"><code>' .. escape(text) .. "</code></pre>"
  local _, breaks = text:gsub("\n", "")
  if breaks < LOG_LINES then return raw(html) end
  local first, last = text:match("^[^\n]*"), text:match("[^\n]*$")
  local summary = escape(first .. " … " .. last .. ", " .. breaks + 1 .. " lines")
  local opening = '<details class="log"><summary>' .. summary .. "</summary>\n"
  return raw(opening .. html .. "\n</details>")
end

local function output(div)
  return div.classes:includes("cell-output") and div:walk { CodeBlock = printed } or nil
end

-- Remove the ids and anchors of each line of code, let the keyboard scroll code, and align table
-- cells by class.
local function tidied(html)
  html = html:gsub('<span id="cb%d+%-%d+"><a [^>]*></a>([^\n]-)</span>\n', "%1\n")
  html = html:gsub('<span id="cb%d+%-%d+"><a [^>]*></a>([^\n]-)</span></code>', "%1</code>")
  local pre = '<div class="code"><pre tabindex="0" '
  html = html:gsub('<div class="sourceCode" id="cb%d+"><pre ', pre)
  html = html:gsub("<pre><code>", '<pre tabindex="0"><code>')
  return (html:gsub(' style="text%-align: (%a+);"', ALIGNED))
end

local function take_title(div) return div.content:remove(1).content[1].content end

local function callout(div, kind)
  local title, collapse = take_title(div), div.attributes.collapse
  local id = div.identifier ~= "" and ' id="' .. div.identifier .. '"' or ""
  local tag, head, attributes = "aside", "p", ' role="note"'
  if collapse then
    tag, head, attributes = "details", "summary", collapse == "false" and " open" or ""
  end
  local opening = "<" .. tag .. id .. ' class="callout ' .. kind .. '"' .. attributes .. ">"
  opening = opening .. "<" .. head .. ' class="callout-title">'
  return titled(opening, title, div.content, "</" .. tag .. ">")
end

local function div(element)
  local class = element.classes[1] or ""
  if class == "cell" and element.classes:includes("hidden") then return {} end
  if class == "tab" and element.content[1].t == "Div" then -- not an author's
    local title = take_title(element)
    return titled('<details class="tab" open><summary>', title, element.content, "</details>")
  end
  if class == "layout" and element.attributes.columns then
    element.classes:insert("columns-" .. element.attributes.columns)
    element.attributes.columns = nil
    return element
  end
  if class:match("^callout%-") then return callout(element, class) end
end

-- Remove the title from the text; the page's template shows it.
local function without_title(html, results)
  local title, rest = html:match("^%s*<h1[^>]*>(.-)</h1>%s*(.*)$")
  results.titles.heading = title or ""
  return rest or html
end

return function(blocks, chapter, job)
  local results = chapter.results
  blocks = blocks:walk { Div = output, Link = link_from(chapter, job.references) }
  blocks = blocks:walk {
    Header = function(header) return heading(header, results) end,
    Math = inlines.upright, Image = picture, Para = lone_picture, Figure = figure, Table = set_table,
    CodeBlock = code, Div = div,
  }
  return without_title(tidied(write(blocks)), results)
end
