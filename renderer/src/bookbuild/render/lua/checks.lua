-- Find what no output could show. Each problem has a token of the text, by which check.py finds
-- its line.

local M = {}

local numbers = require "numbers"
local kind_of = numbers.kind_of
local write_mathml = require("typst_calls").write_mathml

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
local CLASSES = { -- the last two are in data frames that a cell shows
  Span = { "content-visible", "kbd", "mark", "dtype", "shape" }, Header = { "unnumbered" },
  Link = { "uri", "email" }, Table = {}, -- pandoc's own, of <https://example.org>
}
local ADVICE = {
  style = "the pages’ policy forbids styles of a chapter's own",
  ["tbl-colwidths"] = "columns are as wide as their contents need",
}
local CLASS_ADVICE = {
  aside = "write a footnote", ["column-margin"] = "write a footnote",
  ["content-hidden"] = "write `.content-visible`", unlisted = "leave it out",
}
-- Words that begin with an apostrophe; so do decades.
local CLIPPED = { n = true, em = true, tis = true, twas = true }

-- Commands in formulas that pandoc drops, or that browsers or the PDF's fonts cannot show.
local DROPPED = {
  tag = "write {#eq-name} behind the formula", label = "write {#eq-name} behind the formula",
  displaystyle = "write \\dfrac, \\tfrac, \\limits or \\nolimits",
  textstyle = "write \\dfrac, \\tfrac, \\limits or \\nolimits",
  hyperref = "write a link in the text",
}
for command in ("color boxed cancel bcancel xcancel hline scriptstyle scriptscriptstyle"):gmatch("%a+") do
  DROPPED[command] = "leave it out"
end
for command in ("hyphenbullet lbrbrak rbrbrak Lbrbrak Rbrbrak"):gmatch("%a+") do
  DROPPED[command] = "the PDF's fonts have no such sign"
end

local chapter, formulas -- the chapter that is being checked, and its formulas

local function refuse(is_wrong, token, message)
  if is_wrong then chapter.problem(token, message) end
end

local function is_blank(text) return text:match("^%s*$") end

-- Syntax that pandoc took for text. The labels of equations are checked when these are numbered.
local function check_word(str)
  for _, pattern in ipairs { "^:::", "%[%^", "^{#", "^{%." } do
    local is_syntax = str.text:match(pattern) and not str.text:match("^{#eq%-")
    refuse(is_syntax, str.text, "`" .. str.text .. "` has no effect here")
  end
end

-- Headings directly below text, which pandoc reads as part of it.
local function check_lines(block)
  for n = 2, #block.content - 2 do
    local marks, word = block.content[n], block.content[n + 2]
    local is_heading = marks.t == "Str" and marks.text:match("^#+$") and #marks.text <= 6
      and block.content[n - 1].t == "SoftBreak" and block.content[n + 1].t == "Space"
    refuse(is_heading, is_heading and marks.text .. " " .. stringify(word),
      "this heading is read as text of the paragraph above: leave an empty line before it")
  end
end

-- Checking each word is slow: do it only if the whole text has a sign of such syntax.
local function check_text(block)
  local text = stringify(block)
  if text:find(":::", 1, true) or text:find("[{%[][#.^]") then block:walk { Str = check_word } end
  if block.t ~= "DefinitionList" and block.t ~= "LineBlock" and text:find(" #+ ") then
    check_lines(block)
  end
end

local function check_attributes(element)
  local known = pandoc.List(ATTRIBUTES[element.t])
  for key in pairs(element.attributes) do
    local advice = key:match("^on") and "the pages’ policy forbids scripts" or ADVICE[key]
    local others = #known > 0 and table.concat(known, ", ") or "none"
    refuse(not known:includes(key), key .. "=", "the attribute `" .. key ..
      "` is not supported here: " .. (advice or "leave it out; supported: " .. others))
  end
  for _, class in ipairs(CLASSES[element.t] and element.classes or {}) do
    refuse(not pandoc.List(CLASSES[element.t]):includes(class), "." .. class,
      "the class `." .. class .. "` has no effect here: " .. (CLASS_ADVICE[class] or "leave it out"))
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
  local text = math.mathtype == "DisplayMath" and math.text:gsub("^%s*\\displaystyle", "") or math.text
  for command in text:gmatch("\\(%a+)") do
    local name, advice = "\\" .. command, DROPPED[command]
    if advice then
      return chapter.problem(name, "`" .. name .. "` is not supported in formulas: " .. advice)
    end
  end
  refuse(math.text:find("\\\\%[[%d.]"), "\\\\[",
    "the height of a line is not supported in formulas: write \\\\ alone")
  local array = math.text:match("\\begin{array}{[^}]*|")
  refuse(array, array,
    "lines between columns are not supported in formulas: leave out the |")
  formulas:insert(math)
end

local function check_link(link)
  check_attributes(link)
  refuse(#link.content == 0, "[](" .. link.target, "this link has no text")
end

local function check_span(span)
  check_attributes(span)
  local output = span.attributes["when-format"]
  refuse(span.classes:includes("content-visible") and not OUTPUTS[output or ""],
    ".content-visible", 'when-format must be "html" or "pdf"; there is no other output')
end

-- Without quotation marks, dashes and no-break spaces, which the source may write otherwise.
local function first_words(item)
  local text = stringify(item):gsub("\xe2\x80[\x90-\xa7]", " "):gsub("\u{a0}", " ")
  local words = pandoc.List {}
  for word in text:gmatch("[%w\x80-\xff]+") do
    if #words < 3 then words:insert(word) end
  end
  return words
end

-- An accessible PDF cannot have both lines.
local function check_struck(outer)
  local inner, mark = "Underline", "~~"
  if outer.t == inner then inner, mark = "Strikeout", "[" end
  local function refuse_both()
    refuse(true, mark .. stringify(outer):match("%S*"), "text that is underlined cannot be" ..
      " struck out as well in the PDF: use one of the two")
  end
  outer:walk { [inner] = refuse_both }
end

-- check.py and lists.py find the marker, which is not in pandoc's document, before the first words.
local function check_list(list)
  if list.style == "Example" then
    for _, item in ipairs(list.content) do
      chapter.results.examples:insert(first_words(item)[1] or "")
    end
    return
  end
  local items = pandoc.List {}
  for n, item in ipairs(list.content) do
    items:insert { words = first_words(item), number = numbers.of_item(list, n) }
  end
  chapter.results.lists:insert {
    style = list.style, delimiter = list.delimiter, start = list.start, items = items,
  }
end

-- The first citation in the text before or after another.
local function inner_citation(citation)
  local found
  pandoc.Inlines(citation.prefix .. citation.suffix):walk {
    Cite = function(cite) found = found or "@" .. cite.citations[1].id end,
  }
  return found
end

-- What pandoc reads as one citation, though its author meant several, or text beside it.
local function check_citation(cite)
  local source, reference, work = stringify(cite.content), nil, nil
  for _, citation in ipairs(cite.citations) do
    local id, inner = "@" .. citation.id, inner_citation(citation)
    if kind_of(citation.id) then reference = id else work = id end
    refuse(inner, source, id .. " and " .. (inner or "") .. " in one pair of brackets need a" ..
      " semicolon, or one is lost: write [" .. id .. "; " .. (inner or "") .. "]")
    refuse(reference == id and not inner and #citation.suffix > 0, source, "the text in brackets" ..
      " after " .. id .. " is lost: write it outside them, or `\\[` for a bracket that readers see")
  end
  if not (reference and work) then return end
  refuse(true, source, reference .. " and " .. work ..
    " are read as one citation, and one is lost: write [" .. reference .. "] [" .. work .. "]")
end

-- An apostrophe that pandoc takes for the beginning of a quotation.
local function check_quotation_mark(quoted)
  local first = quoted.content[1]
  local word = first and first.t == "Str" and quoted.quotetype == "SingleQuote"
    and first.text:match("^[%w]+") or ""
  refuse(CLIPPED[word:lower()] or word:match("^%d%ds$") or word:match("^%d%ders?$"), "'" .. word,
    "this apostrophe is read as an opening quotation mark: write ’" .. word)
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
    local heading = element.t == "Header" and ("#"):rep(element.level) .. " " .. stringify(element)
    refuse(heading or kind_of(element.identifier), heading and heading:match("%S+ %S+") or
      element.identifier,
      "a heading or label in `.content-visible` changes the numbers of one format only: " ..
      "move it outside")
  end
  div:walk {
    Header = check_number, Div = check_number, Figure = check_number, Table = check_number,
    Image = check_number,
  }
end

-- Return the MathML of all formulas, by kind and TeX, for typst.lua; pandoc takes a millisecond for
-- each one alone.
local function mathml()
  local found, n = {}, 0
  for source in write_mathml(formulas):gmatch("<semantics>(.-)<annotation") do
    n = n + 1
    if formulas[n] then found[formulas[n].mathtype .. formulas[n].text] = source end
  end
  return n == #formulas and found or {} -- else one has failed
end

-- Check the text as the author wrote it.
function M.check(blocks, current)
  chapter, formulas = current, pandoc.Inlines {}
  blocks:walk {
    traverse = "topdown", -- so that the second of two equal problems is at the second place
    Para = check_text, Plain = check_text, LineBlock = check_text, DefinitionList = check_text,
    Header = check_heading, Math = check_math, Link = check_link, Span = check_span,
    Image = check_picture, Figure = check_figure, OrderedList = check_list, Div = check_visible,
    Table = check_attributes, Code = check_attributes, BlockQuote = check_quotation,
    Strikeout = check_struck, Underline = check_struck, Cite = check_citation,
    Quoted = check_quotation_mark,
  }
  chapter.mathml = mathml() -- pandoc warns of unknown TeX as it writes it
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
