-- Find what no output could show. Each problem has a token of the text, by which check.py finds
-- its line.

local M = {}

local kind_of = require("numbers").kind_of

local PICTURE_TYPES = { svg = true, png = true, jpg = true, jpeg = true, gif = true, webp = true }
local PICTURE_CLASSES = { lightbox = true, nolightbox = true, ["keep-colours"] = true }

local stringify = pandoc.utils.stringify

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

-- There are many words: check each only where the whole text has a sign of such syntax.
local function check_text(block)
  local text = stringify(block)
  if text:find(":::", 1, true) or text:find("[{%[][#.^]") then block:walk { Str = check_word } end
end

local function check_heading(header)
  refuse(is_blank(stringify(header)), "# {#" .. header.identifier, "this heading is empty")
  check_text(header)
end

local function check_math(math)
  refuse(is_blank(math.text), "$$", "this formula is empty")
  formulas:insert(math)
end

local function check_link(link)
  refuse(#link.content == 0, "[](" .. link.target, "this link has no text")
  refuse(link.target:match("%.qmd$"), link.target,
    "this links to a chapter's file: write @sec-name instead")
end

local function check_span(span)
  for _, class in ipairs { "aside", "column-margin", "content-hidden" } do
    refuse(span.classes:includes(class), "." .. class,
      "`." .. class .. "` is not known: write a footnote")
  end
end

-- What HTML may contain is for check.py to decide.
local function check_raw(raw)
  local format, first_line = raw.format, raw.text:match("[^\n]*")
  if format == "html" then chapter.results.raw_html:insert(raw.text) end
  refuse(format ~= "html" and format ~= "typst", first_line,
    "raw " .. format .. " is shown nowhere: write Markdown, or a formula between $$")
  refuse(format == "typst" and raw.text:match('"@%w+/'), first_line,
    "this Typst package comes from another host: keep a copy in the project")
end

local function check_picture(image)
  local src, attributes = image.src, image.attributes
  chapter.results.pictures:insert(src)
  refuse(stringify(attributes["fig-alt"] or image.caption) == "", src,
    "this picture has no alt text: add fig-alt")
  refuse((attributes.width or ""):match("[^%d]"), src,
    "a picture's width is in pixels, without a unit")
  refuse(not PICTURE_TYPES[(src:match("%.(%w+)$") or ""):lower()], src,
    "a picture must be an svg, png, jpg, gif or webp file, not " .. src)
  for _, class in ipairs(image.classes) do
    refuse(not PICTURE_CLASSES[class], "." .. class,
      "the picture class `." .. class .. "` is not known")
  end
  for key in pairs(attributes) do
    refuse(key:match("^fig%-") and key ~= "fig-alt", key,
      "the picture attribute `" .. key .. "` is not known: leave it out")
  end
end

local function check_figure(figure)
  figure:walk {
    Image = function(image)
      refuse(not image.attributes["fig-alt"], image.src,
        "this figure has a caption but no alt text: add fig-alt")
    end,
  }
end

local function check_table(tbl)
  refuse(tbl.attributes["tbl-colwidths"], "tbl-colwidths",
    "`tbl-colwidths` is not known: columns are as wide as their contents need")
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
    RawBlock = check_raw, RawInline = check_raw, Image = check_picture, Figure = check_figure,
    Table = check_table, Div = check_visible,
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
