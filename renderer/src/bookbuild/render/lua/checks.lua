-- Find what no output could show. Each problem has a token of the text, by which check.py finds
-- its line.

local M = {}

local kind_of = require("numbers").kind_of

local OUTPUTS = { html = true, pdf = true, typst = true }
local PICTURE_TYPES = { svg = true, png = true, jpg = true, jpeg = true, gif = true, webp = true }
local PICTURE_CLASSES = { lightbox = true, nolightbox = true, ["keep-colours"] = true }

local stringify = pandoc.utils.stringify

-- The attributes that all formats need or pages alone can use. Others would be lost, and the pages'
-- policy forbids styles and scripts.
local ATTRIBUTES = {
  Span = { "when-format", "lang" }, Link = { "target", "rel", "download" },
  Image = { "fig-alt", "width", "height" }, CodeBlock = { "lst-cap" },
  Header = {}, Code = {}, Table = {},
}
local ADVICE = {
  style = "the pages’ policy forbids styles of a chapter's own",
  ["tbl-colwidths"] = "columns are as wide as their contents need",
}

local chapter, formulas -- the chapter that is being checked, and its formulas

local function refuse(is_wrong, token, message)
  if is_wrong then chapter.problem(token, message) end
end

local function is_blank(text) return text:match("^%s*$") end

-- Syntax that pandoc took for text.
local function check_word(str)
  for _, pattern in ipairs { "^:::", "%[%^", "^{#", "^{%." } do
    local is_syntax = str.text:match(pattern) and not str.text:match("^{#eq%-")
    refuse(is_syntax, str.text, "`" .. str.text .. "` has no effect here")
  end
end

-- Checking each word is slow: do it only if the whole text has a sign of such syntax.
local function check_text(block)
  local text = stringify(block)
  if text:find(":::", 1, true) or text:find("[{%[][#.^]") then block:walk { Str = check_word } end
end

local function check_attributes(element)
  local known = pandoc.List(ATTRIBUTES[element.t])
  for key in pairs(element.attributes) do
    local advice = key:match("^on") and "the pages’ policy forbids scripts" or ADVICE[key]
    local others = #known > 0 and table.concat(known, ", ") or "none"
    refuse(not known:includes(key), key .. "=", "the attribute `" .. key ..
      "` is not supported here: " .. (advice or "leave it out; supported: " .. others))
  end
end

-- The scanner checks code blocks, except in quotations.
local function check_quotation(quotation) quotation:walk { CodeBlock = check_attributes } end

local function check_heading(header)
  refuse(is_blank(stringify(header)), "# {#" .. header.identifier, "this heading is empty")
  check_attributes(header)
  check_text(header)
  header.content:walk {
    Image = function(image)
      refuse(true, image.src, "a picture in a heading is not supported: move it below")
    end,
    Math = function(math)
      refuse(math.mathtype == "DisplayMath", "$$" .. math.text,
        "a formula in a heading is in the line: write it between single $")
    end,
  }
end

local function check_math(math)
  refuse(is_blank(math.text), "$$", "this formula is empty")
  formulas:insert(math)
end

local function check_link(link)
  check_attributes(link)
  refuse(#link.content == 0, "[](" .. link.target, "this link has no text")
end

local function check_span(span)
  check_attributes(span)
  for _, class in ipairs { "aside", "column-margin", "content-hidden" } do
    refuse(span.classes:includes(class), "." .. class,
      "`." .. class .. "` is not known: write a footnote")
  end
  local output = span.attributes["when-format"]
  refuse(span.classes:includes("content-visible") and not OUTPUTS[output or ""],
    ".content-visible", 'when-format must be "html" or "pdf"; there is no other output')
end

-- check.py finds the marker, which is not in pandoc's document, before the item's first word.
local function check_list(list)
  if list.style ~= "Example" then return end
  for _, item in ipairs(list.content) do
    local word = stringify(item):match("[%w\x80-\xff]+") or ""
    chapter.results.examples:insert(word)
  end
end

local function check_picture(image)
  local src, attributes = image.src, image.attributes
  check_attributes(image)
  chapter.results.pictures:insert(src)
  refuse(stringify(attributes["fig-alt"] or image.caption) == "", src,
    "this picture has no alt text: add fig-alt")
  refuse((attributes.width or "1"):match("[^%d]") or tonumber(attributes.width or 1) == 0, src,
    "a picture's width is in pixels, at least 1 and without a unit")
  refuse(not PICTURE_TYPES[(src:match("%.(%w+)$") or ""):lower()], src,
    "a picture must be an svg, png, jpg, gif or webp file, not " .. src)
  for _, class in ipairs(image.classes) do
    refuse(not PICTURE_CLASSES[class], "." .. class,
      "the picture class `." .. class .. "` is not known")
  end
  refuse(attributes.height and not attributes.width, src,
    "a picture's height follows from its width: write the width only")
end

local function check_figure(figure)
  figure:walk {
    Image = function(image)
      refuse(not image.attributes["fig-alt"], image.src,
        "this figure has a caption but no alt text: add fig-alt")
    end,
  }
end

-- A heading or label that one format lacks would change the numbers of that format alone.
local function check_visible(div)
  if not div.classes:includes("content-visible") then return end
  local function check_number(element)
    refuse(element.t == "Header" or kind_of(element.identifier), element.identifier,
      "a heading or label in `.content-visible` changes the numbers of one format only: " ..
      "move it outside")
  end
  div:walk {
    Header = check_number, Div = check_number, Figure = check_number, Table = check_number,
    Image = check_number,
  }
end

-- Check the text as the author wrote it.
function M.check(blocks, current)
  chapter, formulas = current, pandoc.Inlines {}
  blocks:walk {
    Para = check_text, Plain = check_text, LineBlock = check_text, DefinitionList = check_text,
    Header = check_heading, Math = check_math, Link = check_link, Span = check_span,
    Image = check_picture, Figure = check_figure, OrderedList = check_list, Div = check_visible,
    Table = check_attributes, Code = check_attributes, BlockQuote = check_quotation,
  }
  -- pandoc warns of unknown TeX as it writes it
  pandoc.write(pandoc.Pandoc { pandoc.Plain(formulas) }, "html", { html_math_method = "mathml" })
end

-- Check that no two elements have the same id.
function M.check_ids(blocks)
  local seen = {}
  local function see(element)
    local id = element.identifier or ""
    refuse(id ~= "" and seen[id], id, "the label `" .. id .. "` is used twice on this page")
    seen[id] = true
  end
  blocks:walk {
    Header = see, Div = see, Figure = see, Table = see, CodeBlock = see, Span = see, Link = see,
  }
end

return M
