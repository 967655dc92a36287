-- What a book needs and pandoc alone does not do: numbers, cross-references, captions, callouts,
-- citations, and what is shown in one format only. How it looks in a format is the matter of the
-- filter that runs after this one: html.lua, typst.lua or notebook.lua.
--
-- A page passes twice. Mode "collect" returns what the page holds (labels, headings, pictures,
-- citations, what is wrong) as JSON instead of text; mode "render" writes it, and then the labels
-- of the whole book are in the context. The context is a JSON file: see bookbuild/pandoc.py.

local HTML, TYPST = FORMAT == "html", FORMAT == "typst" -- else a notebook
local NBSP = "\u{a0}"
local NAMES = { sec = "Section", fig = "Figure", tbl = "Table", eq = "Equation" }
local PICTURE_CLASSES = { lightbox = true, nolightbox = true, ["keep-colours"] = true }

local stringify = pandoc.utils.stringify
local context
local found = { labels = {}, toc = {}, pictures = {}, refs = {}, links = {}, cites = {}, problems = {}, has_references = false }

local function problem(token, message)
  table.insert(found.problems, { token = token, message = message })
end

local function to_html(inlines)
  return pandoc.write(pandoc.Pandoc { pandoc.Plain(inlines) }, "html", PANDOC_WRITER_OPTIONS)
end

local function kind_of(id)
  local prefix = id:match("^(%a+)%-")
  return NAMES[prefix] and prefix
end

-- Structure: what is shown, and what the divs stand for ------------------------------------------

local function visible(div)
  local format = div.attributes["when-format"]
  if not div.classes:includes("content-visible") then return nil end
  local shown = format == (TYPST and "typst" or "html")
  return shown and div.content or {}
end

-- `::: {.callout-note}`: the first heading, or the attribute, is its title.
local function callout(div)
  local kind = (div.classes[1] or ""):match("^callout%-(%a+)$")
  if not kind then return nil end
  local first, title = div.content[1], div.attributes.title
  if first and first.t == "Header" then
    title = first.content
    div.content:remove(1)
  end
  title = title or (kind:gsub("^%l", string.upper))
  div.content:insert(1, pandoc.Div({ pandoc.Plain(title) }, { class = "callout-title" }))
  return div
end

-- A frame as polars prints it: the second row of its head holds the types.
local function frame(tbl)
  if not tbl.classes:includes("dataframe") then return nil end
  tbl.attr = pandoc.Attr("", { "dataframe" })
  local types = #tbl.head.rows == 2 and tbl.head.rows[2]
  if not types then return tbl end
  types.attr = pandoc.Attr("", { "dtypes" })
  for n, cell in ipairs(types.cells) do
    local type = stringify(cell.contents)
    if type:match("^[iuf]%d+$") or type:match("^decimal") then
      tbl.colspecs[n] = { pandoc.AlignRight, tbl.colspecs[n][2] }
    end
  end
  return tbl
end

-- HTML outputs become pandoc's own elements, so that they serve all formats.
local function html_output(block)
  if not block.classes:includes("html-output") then return nil end
  local text = block.text:gsub("<style.-</style>", "")
    :gsub("<small>(shape:.-)</small>", '<div class="shape"><p>%1</p></div>')
  local blocks = pandoc.read(text, "html").blocks:walk { Table = frame }
  local only = #blocks == 1 and blocks[1]
  if only and only.t == "Div" and #only.classes == 0 then blocks = only.content end
  local first = blocks[1]
  if first and first.t == "Div" and first.classes[1] == "shape" then
    blocks:insert(blocks:remove(1)) -- below its table, not between a caption and what it captions
  end
  return blocks
end

-- `::: {#fig-x}` and `::: {#tbl-x}`: the last paragraph is the caption.
local function captioned(div)
  local kind = kind_of(div.identifier)
  if kind ~= "fig" and kind ~= "tbl" then return nil end
  local caption = div.content:remove()
  if not caption or caption.t ~= "Para" then
    return problem(div.identifier, "its last paragraph must be its caption")
  end
  local first = caption.content[1]
  if first.t == "Span" and #first.content == 0 then caption.content:remove(1) end -- see weave.py
  if kind == "fig" then
    return pandoc.Figure(div.content, { pandoc.Plain(caption.content) }, { id = div.identifier })
  end
  return div:walk {
    Table = function(tbl)
      tbl.identifier = div.identifier
      tbl.caption = { long = { pandoc.Plain(caption.content) } }
      return tbl
    end,
  }.content
end

-- Numbers ----------------------------------------------------------------------------------------

local counters = { fig = 0, tbl = 0, eq = 0, sections = {} }

local function label(id, number, text)
  table.insert(found.labels, { id = id, number = number, text = text })
end

local function next_number(kind, id)
  counters[kind] = counters[kind] + 1
  local number = (context.number ~= "" and context.number .. "." or "") .. counters[kind]
  label(id, number, NAMES[kind] .. NBSP .. number)
  return number
end

local function section_number(header)
  if context.number == "" or header.classes:includes("unnumbered") then return "" end
  local sections, depth = counters.sections, header.level - 1
  for n = 1, depth do sections[n] = sections[n] or 0 end
  sections[depth] = sections[depth] + 1
  for n = depth + 1, #sections do sections[n] = nil end
  return context.number .. "." .. table.concat(sections, ".")
end

local function title(header)
  if found.title then
    return problem("# " .. stringify(header), "a chapter has one title; use ## for its sections")
  end
  local text = stringify(header)
  found.title, found.id = text, header.identifier
  local number = context.number ~= "" and context.number .. NBSP .. " " or ""
  if context.kind == "appendix" then number = "Appendix" .. NBSP .. context.number .. " — " end
  if kind_of(found.id) == "sec" then
    label(found.id, context.number ~= "" and context.number or text, number .. text)
    found.labels[#found.labels].chapter = true
  end
  return {} -- the page's template prints it
end

local function heading(header)
  if header.level == 1 then return title(header) end
  local number = section_number(header)
  local text = stringify(header)
  if kind_of(header.identifier) == "sec" then
    label(header.identifier, number ~= "" and number or text,
      number ~= "" and "Section" .. NBSP .. number or text)
  end
  if header.level <= 3 and not header.classes:includes("unlisted") then
    local html = to_html(header.content)
    table.insert(found.toc, { id = header.identifier, number = number, title = html, level = header.level })
  end
  header.classes = header.classes:filter(function(c) return c ~= "unnumbered" and c ~= "unlisted" end)
  header.attributes.number = number
  return header
end

-- Put "Figure 1.1: " before the caption of what has a label.
local function number_caption(element)
  local kind = kind_of(element.identifier)
  if kind ~= (element.t == "Figure" and "fig" or "tbl") then return nil end
  local block = element.caption.long[1]
  if not block then
    return problem(element.identifier, "`" .. element.identifier .. "` has no caption")
  end
  local name = NAMES[kind] .. NBSP .. next_number(kind, element.identifier)
  local caption = block.content
  caption:insert(1, pandoc.Space())
  caption:insert(1, pandoc.Str(name .. ":"))
  element.caption = { long = { pandoc.Plain(caption) } }
  return element
end

-- `$$ … $$ {#eq-x}`
local function equations(block)
  if not stringify(block):match("{#eq%-") then return nil end
  local inlines, n = block.content, 1
  while n < #inlines do
    local math, at = inlines[n], n + 1
    while inlines[at] and (inlines[at].t == "Space" or inlines[at].t == "SoftBreak") do at = at + 1 end
    local id, rest
    if math.t == "Math" and math.mathtype == "DisplayMath" and inlines[at] and inlines[at].t == "Str" then
      id, rest = inlines[at].text:match("^{#(eq%-[%w_-]+)}(.*)$")
    end
    if id then
      local number = pandoc.Span({ pandoc.Str("(" .. next_number("eq", id) .. ")") }, { class = "eq-number" })
      for _ = n, at do inlines:remove(n) end
      if rest ~= "" then inlines:insert(n, pandoc.Str(rest)) end
      inlines:insert(n, pandoc.Span({ math, number }, { id = id, class = "equation" }))
    end
    n = n + 1
  end
  block.content = inlines
  return block
end

-- References and citations -----------------------------------------------------------------------

local function href(known)
  if not HTML or known.page == context.page then return "#" .. known.id end
  return context.to_root .. known.page .. (known.chapter and "" or "#" .. known.id)
end

local function reference(citation)
  table.insert(found.refs, citation.id)
  local known = context.labels[citation.id]
  if not known then return pandoc.Str("@" .. citation.id) end -- while collecting
  local text = pandoc.Inlines { pandoc.Str(known.text) }
  if TYPST and known.chapter and known.number:match("^%d") then
    text = pandoc.Inlines { pandoc.Str("Chapter" .. NBSP .. known.number) } -- as Quarto has it
  end
  if citation.mode == "SuppressAuthor" then
    text = pandoc.Inlines { pandoc.Str(known.number) }
  elseif #citation.prefix > 0 then
    text = citation.prefix .. { pandoc.Str(NBSP .. known.number) }
  end
  return pandoc.Link(text, href(known), "", { class = "crossref" })
end

-- `[word](glossary.qmd#gl-word)`: a link to a place in another chapter, with a text of its own.
local function link(element)
  local id = element.target:match("%.qmd#(.+)$")
  if not id then return nil end
  table.insert(found.links, id)
  local known = context.labels[id]
  return known and pandoc.Link(element.content, href(known), "", { class = "term" })
end

local function term(span)
  if span.identifier ~= "" then label(span.identifier, "", stringify(span)) end
end

local function cite(element)
  local out = pandoc.Inlines {}
  for _, citation in ipairs(element.citations) do
    if kind_of(citation.id) then
      if #out > 0 then out:extend { pandoc.Str(","), pandoc.Space() } end
      out:insert(reference(citation))
      out:extend(citation.suffix)
    else
      table.insert(found.cites, citation.id)
    end
  end
  if #out == 0 then return nil end
  return out
end

-- Author and date, linked to the one page that holds the list.
local function cited(doc)
  if #found.cites == 0 and context.page ~= context.references then return doc end
  doc.meta = pandoc.Meta {
    bibliography = context.bibliography, lang = context.lang, ["link-citations"] = true,
  }
  if context.page == context.references then
    local all = pandoc.List(context.cited):map(function(id)
      return pandoc.Citation(id, "NormalCitation")
    end)
    if #all > 0 then doc.meta.nocite = pandoc.Inlines { pandoc.Cite({}, all) } end
    return pandoc.utils.citeproc(doc)
  end
  return pandoc.utils.citeproc(doc):walk {
    Div = function(div) return div.identifier == "refs" and (HTML or TYPST) and {} or nil end,
    Link = function(link)
      if HTML and link.target:match("^#ref%-") then link.target = context.to_root .. context.references .. link.target end
      return link
    end,
  }
end

-- Pictures ---------------------------------------------------------------------------------------

local function measured(image)
  if image.attributes.width then return end
  local file = io.open(context.folder .. "/" .. image.src:gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end), "rb")
  if not file then return end
  local ok, size = pcall(pandoc.image.size, file:read("a"))
  file:close()
  if ok then
    image.attributes.width, image.attributes.height = tostring(size.width), tostring(size.height)
  end
end

local function picture(image)
  image.attributes.alt = image.attributes["fig-alt"] or stringify(image.caption)
  image.attributes["fig-alt"] = nil
  measured(image)
  return image
end

-- Checks -----------------------------------------------------------------------------------------

-- Text that was meant as syntax and is none to pandoc.
local function check_text(str)
  for _, pattern in ipairs { "^:::", "%[%^", "^{#", "^{%." } do
    if str.text:match(pattern) and not str.text:match("^{#eq%-") then
      problem(str.text, "`" .. str.text .. "` has no effect here")
    end
  end
end

local function check_ids(doc)
  local seen = {}
  local function see(element)
    local id = element.identifier or ""
    if id ~= "" and seen[id] then problem(id, "the label `" .. id .. "` is given twice on this page") end
    seen[id] = true
  end
  doc:walk { Header = see, Div = see, Figure = see, Table = see, CodeBlock = see, Span = see, Link = see }
end

local function check_raw(element)
  if element.format == "html" and (element.text:match("<script") or element.text:match("%sstyle%s*=")) then
    problem(element.text:match("[^\n]*"), "raw HTML with a script or a style: the pages' policy forbids both")
  end
end

local function check_picture(image)
  table.insert(found.pictures, image.src)
  if stringify(image.attributes["fig-alt"] or image.caption) == "" then
    problem(image.src, "this picture has no alt text: give it fig-alt")
  end
  for _, class in ipairs(image.classes) do
    if not PICTURE_CLASSES[class] then problem("." .. class, "the picture class `." .. class .. "` is not known") end
  end
  if (image.attributes.width or ""):match("[^%d]") then
    problem(image.src, "a picture's width is in pixels, without a unit")
  end
end

local function check_figure(figure)
  figure:walk {
    Image = function(image)
      if not image.attributes["fig-alt"] then
        problem(image.src, "this figure has a caption and no alt text: give it fig-alt")
      end
    end,
  }
end

local function check_link(link)
  if link.target:match("%.qmd$") then
    problem(link.target, "a link to a chapter's file: write @sec-name instead")
  end
end

local function check(doc)
  doc:walk {
    Div = function(div) found.has_references = found.has_references or div.identifier == "refs" end,
    Math = function(math) to_html { math } end, -- pandoc warns of TeX that it does not know
    Image = check_picture, Figure = check_figure, Link = check_link, Str = check_text,
    RawBlock = check_raw, RawInline = check_raw,
  }
end

-- The whole --------------------------------------------------------------------------------------

function Pandoc(doc)
  local file = assert(io.open(stringify(doc.meta.context)))
  context = pandoc.json.decode(file:read("a"), false)
  file:close()
  doc.meta = {}
  if context.mode == "collect" then check(doc) end
  doc:walk { Span = term }
  doc = doc:walk {
    CodeBlock = html_output,
    Div = function(div) return visible(div) or callout(div) or captioned(div) end,
  }
  doc = doc:walk {
    Image = picture, Cite = cite, Link = link, Para = equations, Plain = equations,
    Header = heading, Figure = number_caption, Table = number_caption,
  }
  if context.mode == "render" then return cited(doc) end
  check_ids(doc)
  return pandoc.Pandoc { pandoc.RawBlock(FORMAT, pandoc.json.encode(found)) }
end
