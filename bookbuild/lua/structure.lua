-- What a chapter is made of: numbers, labels, captions and callouts, as Quarto has them, and what
-- is wrong with them. How it looks in a format is the matter of html.lua, typst.lua, notebook.lua.

local M = {}

local NBSP = "\u{a0}"
local NAMES = {
  sec = "Section", fig = "Figure", tbl = "Table", eq = "Equation", lst = "Listing",
  thm = "Theorem", lem = "Lemma", cor = "Corollary", prp = "Proposition", cnj = "Conjecture",
  def = "Definition", exm = "Example", exr = "Exercise",
}
local CAPTIONED = { Figure = { fig = true, lst = true }, Table = { tbl = true } }
local PICTURE_TYPES = { svg = true, png = true, jpg = true, jpeg = true, gif = true, webp = true }
local PICTURE_CLASSES = { lightbox = true, nolightbox = true, ["keep-colours"] = true }
local OPTIONS = pandoc.WriterOptions { html_math_method = "mathml", wrap_text = "none" }

local stringify = pandoc.utils.stringify

-- The chapter at work: its place in the book, and what is found in it.
local context, found, counters

function M.nothing_found()
  local lists = { texts = { [""] = "" }, has_list = false } -- an empty table would be a list in JSON
  for _, name in ipairs { "labels", "toc", "pictures", "scripts", "refs", "links", "cites", "problems" } do
    lists[name] = pandoc.List {}
  end
  return lists
end

-- The kind of what has this label: sec, fig, tbl, eq, or nothing.
function M.kind_of(id)
  local prefix = id:match("^(%a+)%-")
  return NAMES[prefix] and prefix
end

local function problem(token, message)
  found.problems:insert { token = token, message = message }
end

local function to_html(inlines)
  return pandoc.write(pandoc.Pandoc { pandoc.Plain(inlines) }, "html", OPTIONS)
end

-- What one format shows -----------------------------------------------------------------------

local function format_of(element)
  local format = element.classes:includes("content-visible") and element.attributes["when-format"]
  return format == "pdf" and "typst" or format
end

function M.shown_in(format, blocks, chapter)
  if not chapter.text:find("content-visible", 1, true) then return blocks end
  local wanted = format == "typst" and "typst" or "html"
  local function shown(element)
    local only = format_of(element)
    return only and (only == wanted and element.content or {}) or nil
  end
  return blocks:walk { Div = shown, Span = shown }
end

-- A number would depend on the format if what has it were shown in one format only.
local function check_numbered_everywhere(div)
  if not format_of(div) then return end
  local function refuse(element)
    if element.t == "Header" or M.kind_of(element.identifier) then
      problem(element.identifier, "a heading or label shown in one format only: its number, and " ..
        "those after it, would differ; put it outside of the `.content-visible`")
    end
  end
  div:walk { Header = refuse, Div = refuse, Figure = refuse, Table = refuse, Image = refuse }
end

-- Divs ----------------------------------------------------------------------------------------

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

-- What HTML must not hold: the pages' policy forbids it, and pandoc would fetch a frame's text.
local FORBIDDEN = {
  { "<script", "a script" }, { "<style", "a style" }, { "%sstyle%s*=", "a style" },
  { "<iframe", "a frame" }, { "<frame", "a frame" }, { "<object", "a frame" }, { "<embed", "a frame" },
  { "%ssrc%s*=%s*[\"']?%w*:?//", "a file of another host" }, { "<link", "a file beside it" },
}

local function is_forbidden(html)
  for _, pair in ipairs(FORBIDDEN) do
    local from, to = html:lower():find(pair[1])
    if from then
      problem(html:sub(from, to), "raw HTML with " .. pair[2] .. ": the pages' policy forbids it")
      return true
    end
  end
end

-- A table that a cell printed as HTML becomes pandoc's own, so that it serves all formats.
local function html_output(div)
  if not div.classes:includes("cell-output") then return nil end
  return div:walk {
    RawBlock = function(raw)
      if raw.format ~= "html" then return nil end
      return is_forbidden(raw.text) and {} or pandoc.read(raw.text, "html").blocks
    end,
  }
end

-- `layout-ncol=2`: the blocks stand side by side. `columns` is for the formats.
local function layout(div)
  local columns = div.attributes["layout-ncol"]
  if not columns then return nil end
  div.attributes["layout-ncol"] = nil
  div.classes = { "layout" }
  div.attributes.columns = columns
  div.content = div.content:map(function(block) return pandoc.Div({ block }, { class = "column" }) end)
  return div
end

-- The figures within a figure are its parts (a), (b), …
local function parts(blocks)
  local n = 0
  return blocks:map(function(block)
    if block.t == "Figure" then
      n = n + 1
      block.attributes.part = "(" .. string.char(96 + n) .. ")"
    end
    return block
  end)
end

-- `::: {#fig-x}` and `::: {#tbl-x}`: the last paragraph is the caption.
local function captioned(div)
  local kind = M.kind_of(div.identifier)
  if kind ~= "fig" and kind ~= "tbl" then return layout(div) end
  local caption = div.content:remove()
  if not caption or caption.t ~= "Para" then
    return problem(div.identifier, "its last paragraph must be its caption")
  end
  local first = caption.content[1]
  if first.t == "Span" and #first.content == 0 then caption.content:remove(1) end -- see weave.py
  if kind == "fig" then
    local content = parts(div.content)
    local columns = div.attributes["layout-ncol"]
    if columns then content = { layout(pandoc.Div(content, { ["layout-ncol"] = columns })) } end
    local attr = { id = div.identifier }
    if div.classes:includes("explorable") then
      attr.class, attr.script = "explorable", div.attributes.script
      found.scripts:insert(attr.script)
    end
    return pandoc.Figure(content, { pandoc.Plain(caption.content) }, attr)
  end
  return div:walk {
    Table = function(tbl)
      tbl.identifier = div.identifier
      tbl.caption = { long = { pandoc.Plain(caption.content) } }
      return tbl
    end,
  }.content
end

-- `::: {.panel-tabset}`: each heading begins a tab, and is neither numbered nor listed.
local function tabset(div)
  if not div.classes:includes("panel-tabset") then return nil end
  local out, level = pandoc.Blocks {}, nil
  for _, block in ipairs(div.content) do
    if block.t == "Header" and (not level or block.level == level) then
      level = block.level
      local title = pandoc.Div({ pandoc.Plain(block.content) }, { class = "tab-title" })
      out:insert(pandoc.Div({ title }, { class = "tab" }))
    elseif level then
      out[#out].content:insert(block)
    else
      out:insert(block)
    end
  end
  if not level then problem("panel-tabset", "a tabset has a heading for each of its tabs") end
  return out
end

-- ```{.python #lst-x lst-cap="…"}: a block of code with a number.
local function listing(code)
  if M.kind_of(code.identifier) ~= "lst" or not code.attributes["lst-cap"] then return nil end
  local caption = pandoc.read(code.attributes["lst-cap"], "markdown").blocks[1]
  local attr = { id = code.identifier, class = "listing" }
  code.identifier, code.attributes["lst-cap"] = "", nil
  return pandoc.Figure({ code }, caption and { pandoc.Plain(caption.content) } or {}, attr)
end

-- Code annotations ----------------------------------------------------------------------------

local ANNOTATION = "#%s*<(%d+)>%s*$"

-- `# <1>` at the end of a line becomes `# (1)`; return the largest number.
local function annotate(code)
  local largest, lines = 0, pandoc.List {}
  for line in (code.text .. "\n"):gmatch("(.-)\n") do
    largest = math.max(largest, tonumber(line:match(ANNOTATION) or 0))
    lines:insert((line:gsub(ANNOTATION, "# (%1)")))
  end
  code.text = table.concat(lines, "\n")
  return largest
end

-- The numbered list after the code says what its annotations mean.
local function annotations(blocks)
  for n, block in ipairs(blocks) do
    local is_cell = block.t == "Div" and block.classes[1] == "cell"
    local code = is_cell and block.content[1] or block
    if code and code.t == "CodeBlock" and #code.classes > 0 and is_cell == code.classes:includes("cell-code") then
      local largest, list = annotate(code), blocks[n + 1]
      local explained = list and list.t == "OrderedList" and #list.content or 0
      if largest > explained then
        problem("<" .. largest .. ">", "the code's annotation <" .. largest .. "> is explained by no item of a numbered list right below")
      end
      if is_cell then block.content[1] = code end
    end
  end
  return blocks
end

-- Numbers -------------------------------------------------------------------------------------

-- `number` stands alone where a text says [-@fig-x]; `text` is what @fig-x reads.
local function label(id, number, text, is_chapter)
  found.labels:insert { id = id, number = number, text = text, chapter = is_chapter or false }
end

local function next_number(kind, id)
  counters[kind] = counters[kind] + 1
  local number = (context.number ~= "" and context.number .. "." or "") .. counters[kind]
  label(id, number, NAMES[kind] .. NBSP .. number)
  return number
end

-- `::: {#thm-x}`: a heading at its beginning is the theorem's name.
local function theorem(div)
  local kind = M.kind_of(div.identifier)
  if not kind or #kind ~= 3 or kind == "sec" or kind == "fig" or kind == "tbl" or kind == "lst" then return nil end
  local title = pandoc.Inlines { pandoc.Str(NAMES[kind] .. NBSP .. next_number(kind, div.identifier)) }
  local first = div.content[1]
  if first and first.t == "Header" then
    title:extend(pandoc.Inlines { pandoc.Space(), pandoc.Str("(") } .. first.content .. { pandoc.Str(")") })
    div.content:remove(1)
    first = div.content[1]
  end
  if not first or first.t ~= "Para" then div.content:insert(1, pandoc.Para {}) end
  local opening = pandoc.Span({ pandoc.Strong(title) }, { class = "theorem-title" })
  div.content[1].content = pandoc.Inlines { opening, pandoc.Space() } .. div.content[1].content
  div.classes = { "theorem" }
  return div
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
    problem("# " .. stringify(header), "a chapter has one title; use ## for its sections")
    return {}
  end
  local text, number = stringify(header), context.number
  found.title, found.id = text, header.identifier
  if M.kind_of(found.id) == "sec" then
    local name = (context.kind == "appendix" and "Appendix" or "Chapter") .. NBSP .. number
    label(found.id, number ~= "" and number or text, number ~= "" and name or text, true)
  end
  return {} -- the page's template prints it
end

local function heading(header)
  if header.level == 1 then return title(header) end
  local number = section_number(header)
  if M.kind_of(header.identifier) == "sec" then
    local text = number ~= "" and "Section" .. NBSP .. number or stringify(header)
    label(header.identifier, number ~= "" and number or text, text)
  end
  if header.level <= 3 and not header.classes:includes("unlisted") then
    found.toc:insert {
      id = header.identifier, number = number, title = header.content, level = header.level,
    }
  end
  header.classes = header.classes:filter(function(c) return c ~= "unnumbered" and c ~= "unlisted" end)
  header.attributes.number = number
  return header
end

local function put_before(caption, text)
  local out = pandoc.Inlines { pandoc.Str(text), pandoc.Space() }
  out:extend(caption.long[1] and caption.long[1].content or {})
  return { long = { pandoc.Plain(out) } }
end

-- Put "(a)" before the captions of a figure's parts; @fig-part reads "Figure 1.1 (a)".
local function number_parts(figure, number)
  figure.content = figure.content:walk {
    Figure = function(inner)
      local part = inner.attributes.part
      if not part then return nil end
      inner.caption = put_before(inner.caption, part)
      if inner.identifier ~= "" then
        label(inner.identifier, number .. " " .. part, NAMES.fig .. NBSP .. number .. " " .. part)
      end
      return inner
    end,
  }
end

-- Put "Figure 1.1: " before the caption of what has a label.
local function number_caption(element)
  local kind = M.kind_of(element.identifier)
  if not CAPTIONED[element.t][kind] or element.attributes.part then return nil end
  if not element.caption.long[1] then
    return problem(element.identifier, "`" .. element.identifier .. "` has no caption")
  end
  local number = next_number(kind, element.identifier)
  element.caption = put_before(element.caption, NAMES[kind] .. NBSP .. number .. ":")
  if kind == "fig" then number_parts(element, number) end
  return element
end

-- The label after a formula: `$$ … $$ {#eq-x}` gives its id, its place, and the text after it.
local function equation_label(inlines, n)
  local math, at = inlines[n], n + 1
  while inlines[at] and (inlines[at].t == "Space" or inlines[at].t == "SoftBreak") do at = at + 1 end
  if math.t ~= "Math" or math.mathtype ~= "DisplayMath" then return nil end
  if not inlines[at] or inlines[at].t ~= "Str" then return nil end
  local id, rest = inlines[at].text:match("^{#(eq%-[%w_-]+)}(.*)$")
  return id, at, rest
end

local function equations(block)
  if not stringify(block):match("{#eq%-") then return nil end
  local inlines, n = block.content, 1
  while n < #inlines do
    local id, at, rest = equation_label(inlines, n)
    if id then
      local number = pandoc.Span({ pandoc.Str("(" .. next_number("eq", id) .. ")") }, { class = "eq-number" })
      local math = inlines[n]
      for _ = n, at do inlines:remove(n) end
      if rest ~= "" then inlines:insert(n, pandoc.Str(rest)) end
      inlines:insert(n, pandoc.Span({ math, number }, { id = id, class = "equation" }))
    end
    n = n + 1
  end
  block.content = inlines
  return block
end

-- Pictures ------------------------------------------------------------------------------------

local function measured(image)
  if image.attributes.width then return end
  local path = image.src:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  local file = io.open(context.folder .. "/" .. path, "rb")
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

-- Checks --------------------------------------------------------------------------------------

-- Text that was meant as syntax and is none to pandoc.
local function check_word(str)
  for _, pattern in ipairs { "^:::", "%[%^", "^{#", "^{%." } do
    if str.text:match(pattern) and not str.text:match("^{#eq%-") then
      problem(str.text, "`" .. str.text .. "` has no effect here")
    end
  end
end

-- Words are many: they are looked at one by one only where the whole text gives cause.
local function check_text(block)
  local text = stringify(block)
  if text:find(":::", 1, true) or text:find("[{%[][#.^]") then block:walk { Str = check_word } end
end

local function check_ids(blocks)
  local seen = {}
  local function see(element)
    local id = element.identifier or ""
    if id ~= "" and seen[id] then problem(id, "the label `" .. id .. "` is given twice on this page") end
    seen[id] = true
  end
  blocks:walk { Header = see, Div = see, Figure = see, Table = see, CodeBlock = see, Span = see, Link = see }
end

local function check_raw(element)
  if element.format == "html" then
    is_forbidden(element.text)
  elseif element.format ~= "typst" then
    problem(element.text:match("[^\n]*"), "raw " .. element.format .. " is shown nowhere: write Markdown, or a formula between $$")
  elseif element.text:match('"@%w+/') then
    problem(element.text:match("[^\n]*"), "a package of Typst comes from another host: keep a copy in the project")
  end
end

local function check_picture(image)
  found.pictures:insert(image.src)
  if stringify(image.attributes["fig-alt"] or image.caption) == "" then
    problem(image.src, "this picture has no alt text: give it fig-alt")
  end
  for _, class in ipairs(image.classes) do
    if not PICTURE_CLASSES[class] then problem("." .. class, "the picture class `." .. class .. "` is not known") end
  end
  if (image.attributes.width or ""):match("[^%d]") then
    problem(image.src, "a picture's width is in pixels, without a unit")
  end
  for key in pairs(image.attributes) do
    if key:match("^fig%-") and key ~= "fig-alt" then problem(key, "the picture attribute `" .. key .. "` is not known: leave it out") end
  end
  if not PICTURE_TYPES[(image.src:match("%.(%w+)$") or ""):lower()] then
    problem(image.src, "a picture is an svg, png, jpg, gif or webp file, not " .. image.src)
  end
end

local function check_table(tbl)
  if tbl.attributes["tbl-colwidths"] then
    problem("tbl-colwidths", "`tbl-colwidths` is not known: columns are as wide as their contents need")
  end
end

local function check_span(span)
  if span.identifier ~= "" then label(span.identifier, "", stringify(span)) end -- a term
  for _, class in ipairs { "aside", "column-margin", "content-hidden" } do
    if span.classes:includes(class) then problem("." .. class, "`." .. class .. "` is not known: write a footnote") end
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

local function check_heading(header)
  if stringify(header):match("^%s*$") then problem("# {#" .. header.identifier, "a heading without words") end
  check_text(header)
end

local function check_math(math)
  if math.text:match("^%s*$") then problem("$$", "an empty formula") end
end

local function check_link(link)
  if #link.content == 0 then problem("[](" .. link.target, "a link without words") end
  if link.target:match("%.qmd$") then
    problem(link.target, "a link to a chapter's file: write @sec-name instead")
  end
end

-- Each call of a writer costs a millisecond, so all titles go through one: a line for each.
local function write_titles(toc)
  local plain = toc:map(function(entry) return pandoc.Plain(entry.title) end)
  local lines = pandoc.write(pandoc.Pandoc(plain), "html", OPTIONS):gmatch("[^\n]+")
  for _, entry in ipairs(toc) do entry.title = lines() end
end

local function check(blocks)
  local formulas = pandoc.Inlines {}
  blocks:walk {
    Div = check_numbered_everywhere, Image = check_picture, Figure = check_figure, Link = check_link,
    Header = check_heading, Table = check_table, Span = check_span,
    Para = check_text, Plain = check_text, LineBlock = check_text, DefinitionList = check_text, RawBlock = check_raw, RawInline = check_raw,
    Math = function(math)
      check_math(math)
      formulas:insert(math)
    end,
  }
  to_html(formulas) -- pandoc warns of TeX that it does not know
end

-- The whole -----------------------------------------------------------------------------------

-- Return the chapter's blocks with numbers and captions; what else is found goes into `found`.
function M.arrange(blocks, chapter)
  context, found, counters = chapter, chapter.found, { sections = {} }
  for kind in pairs(NAMES) do counters[kind] = 0 end
  blocks = blocks:walk { Div = html_output }
  check(blocks)
  blocks = blocks:walk { Blocks = annotations }:walk { CodeBlock = listing }
  blocks = blocks:walk {
    Div = function(div) return callout(div) or tabset(div) or theorem(div) or captioned(div) end,
  }
  blocks = blocks:walk {
    Image = picture, Para = equations, Plain = equations,
    Header = heading, Figure = number_caption, Table = number_caption,
  }
  check_ids(blocks)
  write_titles(found.toc)
  return blocks
end

return M
