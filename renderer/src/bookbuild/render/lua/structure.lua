-- Give a chapter the structure that Quarto would: callouts, figures, tables, tabs, listings and
-- annotations. html.lua, typst.lua and notebook.lua then write it in their formats.

local M = {}

-- Without native_divs an HTML div stays raw: `<div class="cell">` is not a cell.
local READER = "markdown-implicit_header_references-yaml_metadata_block-native_divs-native_spans"
local INTERNAL = { "cell", "cell-output", "tab", "layout", "theorem", "column" }

local checks = require "checks"
local inlines = require "inlines"
local numbers = require "numbers"

local chapter -- the one that is being arranged

function M.read(text) return pandoc.read(text, READER).blocks end

-- Remove comments.
local function uncommented(raw)
  return raw.format == "html" and raw.text:gsub("<!%-%-.-%-%->", ""):match("^%s*$") and {} or nil
end

-- Return the blocks without content for other formats; a notebook shows what the pages do.
function M.shown_in(format, blocks, text)
  if not text:find("content-visible", 1, true) then return blocks end
  local function show(element)
    if not element.classes:includes("content-visible") then return nil end
    local is_paper = element.attributes["when-format"] ~= "html"
    return is_paper == (format == "typst") and element.content or {}
  end
  return blocks:walk { Div = show, Span = show }
end

-- Turn a table that a cell printed as HTML into pandoc's own, which all formats can show, without
-- what only a page could use. The empty table is a sandbox without files, so that pandoc does not
-- fetch what a frame shows. A lone tag is from Markdown that a cell shows; check.py refuses it.
local function read_html(raw)
  local is_lone_tag = raw.text:match("^%s*<[^<>]*>%s*$")
  if raw.format ~= "html" or is_lone_tag then return nil end
  chapter.results.raw:insert { format = "html", text = raw.text, only = "output" }
  return pandoc.read(raw.text, "html", nil, {}).blocks:walk {
    Header = function(header) return pandoc.Para { pandoc.Strong(header.content) } end,
    Div = function(div) return div.content end,
    Span = function(span) return span.content end,
    Link = function(link) return pandoc.Link(link.content, link.target) end,
    Code = function(code) return pandoc.Code(code.text) end,
    CodeBlock = function(code) return pandoc.CodeBlock(code.text) end,
    Table = function(tbl)
      tbl.attr = pandoc.Attr()
      -- pandoc gives a column the alignment of one of its cells
      tbl.colspecs = tbl.colspecs:map(function() return { pandoc.AlignDefault, nil } end)
      return tbl
    end,
  }
end

-- A cell's output cannot itself contain cells or other parts of the page's structure.
local function cell_output(div)
  if not div.classes:includes("cell-output") then return nil end
  div.content = div.content:walk { RawBlock = read_html }:walk {
    Div = function(inner)
      return pandoc.List(INTERNAL):includes(inner.classes[1] or "") and inner.content or nil
    end,
  }
  return div
end

-- `::: {.callout-note}`: a heading at the beginning, or the attribute, is its title.
local function callout(div)
  local kind = (div.classes[1] or ""):match("^callout%-(%a+)$")
  if not kind then return nil end
  local first, title = div.content[1], div.attributes.title
  title = title and pandoc.utils.blocks_to_inlines(M.read(title))
  if first and first.t == "Header" then
    title = first.content
    div.content:remove(1)
  end
  title = title or (kind:gsub("^%l", string.upper))
  div.content:insert(1, pandoc.Div({ pandoc.Plain(title) }, { class = "div-title" }))
  return div
end

-- `::: {.panel-tabset}`: each heading begins a tab, and is neither numbered nor listed.
local function tabset(div)
  if not div.classes:includes("panel-tabset") then return nil end
  local out, level = pandoc.Blocks {}, nil
  for _, block in ipairs(div.content) do
    if block.t == "Header" and (not level or block.level == level) then
      level = block.level
      local title = pandoc.Div({ pandoc.Plain(block.content) }, { class = "div-title" })
      out:insert(pandoc.Div({ title }, { class = "tab" }))
    elseif level then
      out[#out].content:insert(block)
    else
      out:insert(block)
    end
  end
  if not level then chapter.problem("panel-tabset", "a tabset needs a heading for each tab") end
  return out
end

-- `layout-ncol=2`: put the blocks side by side.
local function layout(blocks, columns)
  local divs = blocks:map(function(block) return pandoc.Div({ block }, { class = "column" }) end)
  return pandoc.Div(divs, { class = "layout", columns = columns })
end

-- The figures directly within a figure are its parts: (a), (b) and so on.
local function mark_parts(blocks)
  local n = 0
  for _, block in ipairs(blocks) do
    if block.t == "Figure" then
      block.attributes.part = "(" .. string.char(97 + n) .. ")"
      n = n + 1
    end
  end
end

-- Say where to find a live figure only once, however many sets of data it has.
local function with_one_notice(div)
  local has_notice = false
  return div:walk {
    Div = function(each)
      if not each.classes:includes("explorable-data") then return nil end
      if has_notice then each.content = {} end
      has_notice = true
      return each
    end,
  }
end

local function figure(div, caption)
  if div.classes:includes("explorable") then div = with_one_notice(div) end
  mark_parts(div.content)
  local content, columns = div.content, div.attributes["layout-ncol"]
  local attr = { id = div.identifier }
  if div.classes:includes("explorable") then
    attr.class, attr.script = "explorable", div.attributes.script
    chapter.results.scripts:insert(attr.script)
  end
  return pandoc.Figure(columns and { layout(content, columns) } or content, { caption }, attr)
end

-- `::: {#fig-x}` and `::: {#tbl-x}`: the last paragraph is the caption.
local function captioned(div)
  local kind = numbers.kind_of(div.identifier)
  if kind ~= "fig" and kind ~= "tbl" then return nil end
  local last = div.content:remove()
  if not last or last.t ~= "Para" then
    return chapter.problem(div.identifier, "its last paragraph must be its caption")
  end
  local first = last.content[1]
  if first.t == "Span" and #first.content == 0 then last.content:remove(1) end -- see weave.py
  local caption = pandoc.Plain(last.content)
  if kind == "fig" then return figure(div, caption) end
  return div:walk {
    Table = function(tbl)
      tbl.identifier, tbl.caption = div.identifier, { long = { caption } }
      return tbl
    end,
  }.content
end

local function arrange_div(div)
  local columns = div.attributes["layout-ncol"]
  return callout(div) or tabset(div) or captioned(div) or columns and layout(div.content, columns)
    or nil
end

-- ```{.python #lst-x lst-cap="…"}: a block of code with a caption.
local function listing(code)
  local caption = code.attributes["lst-cap"]
  if numbers.kind_of(code.identifier) ~= "lst" or not caption then return nil end
  local text = M.read(caption)[1]
  local attr = { id = code.identifier, class = "listing" }
  code.identifier, code.attributes["lst-cap"] = "", nil
  return pandoc.Figure({ code }, text and { pandoc.Plain(text.content) } or {}, attr)
end

-- Write `# <1>` at the end of a line as `# (1)`; return the largest number.
local function annotate(code)
  local largest = 0
  local text = (code.text .. "\n"):gsub("#[ \t]*<(%d+)>[ \t]*\n", function(number)
    largest = math.max(largest, tonumber(number))
    return "# (" .. number .. ")\n"
  end)
  code.text = text:sub(1, -2)
  return largest
end

-- The numbered list after annotated code explains its annotations.
local function annotations(blocks)
  for n, block in ipairs(blocks) do
    local is_cell = block.t == "Div" and block.classes[1] == "cell"
    local code = is_cell and block.content[1] or block
    local is_code = code and code.t == "CodeBlock" and #code.classes > 0
    if is_code and is_cell == code.classes:includes("cell-code") then
      local largest, list = annotate(code), blocks[n + 1]
      local explained = list and list.t == "OrderedList" and #list.content or 0
      if largest > explained then
        chapter.problem("<" .. largest .. ">", "no item of a numbered list directly below the" ..
          " code explains the annotation <" .. largest .. ">")
      end
      if is_cell then block.content[1] = code end
    end
  end
  return blocks
end

-- Give a picture its size in pixels, unless the author has set one or there is no such file.
local function measure(image)
  if image.attributes.width then return end
  local path = image.src:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  local file = io.open(chapter.folder .. "/" .. path, "rb")
  if not file then return end
  local ok, size = pcall(pandoc.image.size, file:read("a"))
  file:close()
  if ok then
    image.attributes.width, image.attributes.height = tostring(size.width), tostring(size.height)
  end
end

-- The caption of a figure is also in its picture; there it serves as alt text at most.
local function picture(image)
  image.attributes.alt = image.attributes["fig-alt"] or inlines.plain(image.caption)
  image.attributes["fig-alt"], image.caption = nil, {}
  measure(image)
  return image
end

-- Return a chapter's blocks with structure, numbers and captions; add the rest to its results.
function M.arrange(blocks, current)
  chapter = current
  blocks = blocks:walk { RawBlock = uncommented, RawInline = uncommented }
  blocks = blocks:walk { Div = cell_output }
  blocks = blocks:walk { Blocks = annotations }:walk { CodeBlock = listing }
  checks.check(blocks, chapter)
  blocks = blocks:walk { Image = picture, Div = arrange_div }
  blocks = numbers.number(blocks, chapter)
  checks.check_ids(blocks)
  return blocks
end

return M
