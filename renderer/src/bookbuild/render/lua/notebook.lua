-- Write a chapter as Markdown for Jupyter: divs, labels and references become text. The result is
-- a list of pieces, which notebooks.py puts together: { kind = "text", text = … }, "cell" for the
-- next code cell, and "solution" and "end" around a solution.

local inlines = require "inlines"
local links = require "links"

local number_of = require("numbers").of_item
local MARKERS = { Period = "%s.", OneParen = "%s)", TwoParens = "(%s)", DefaultDelim = "%s." }
local WRITER = "commonmark+pipe_tables+tex_math_dollars"
-- a table that is too complex for Markdown becomes HTML, with formulas for MathJax
local OPTIONS = pandoc.WriterOptions { wrap_text = "none", html_math_method = "mathjax" }

local stringify = pandoc.utils.stringify

-- Where to cut the text. No author can write such a mark: check.py refuses its raw format.
local function mark(kind) return pandoc.RawBlock("notebook", kind) end

local function is_mark(block) return block.t == "RawBlock" and block.format == "notebook" end

-- A caption as a paragraph.
local function caption(element)
  local text = element.caption.long[1]
  return pandoc.Blocks(text and { pandoc.Para(text.content) } or {})
end

-- notebooks.py adds the cell's code and outputs; its captions, and where to find a live figure, are
-- text.
local function cell(div)
  if div.classes[1] ~= "cell" then return nil end
  local out = pandoc.Blocks { mark("cell") }
  local function add_caption(element) out:extend(caption(element)) end
  div:walk {
    Figure = add_caption, Table = add_caption,
    Div = function(element)
      if element.classes:includes("explorable-data") then out:extend(element.content) end
    end,
  }
  return out
end

local function write(blocks) return pandoc.write(pandoc.Pandoc(blocks), WRITER, OPTIONS) end

local function write_line(content)
  return (write { pandoc.Plain(content) }:gsub("%s+$", ""))
end

local function pieces(blocks)
  local out, text = pandoc.List {}, pandoc.Blocks {}
  local function add_text()
    if #text == 0 then return end
    out:insert { kind = "text", text = write(text) }
    text = pandoc.Blocks {}
  end
  for _, block in ipairs(blocks) do
    if is_mark(block) then
      add_text()
      out:insert { kind = block.text }
    else
      text:insert(block)
    end
  end
  add_text()
  return out
end

local function marked(span)
  local text = span.content
  text:insert(1, pandoc.RawInline("html", "<mark>"))
  text:insert(pandoc.RawInline("html", "</mark>"))
  return text
end

local function inline_span(span)
  if span.classes:includes("mark") then return marked(span) end
  if span.classes:includes("kbd") then return pandoc.Code(stringify(span)) end
  if not span.classes:includes("equation") then return span.content end
  local math, number = span.content[1], stringify(span.content[2]):match("%((.*)%)")
  return pandoc.Math("DisplayMath", math.text:gsub("%s+$", "") .. " \\tag{" .. number .. "}")
end

local function note(element)
  local text = pandoc.utils.blocks_to_inlines(element.content)
  return pandoc.Inlines { pandoc.Str(" (") } .. text .. { pandoc.Str(")") }
end

-- The pages are elsewhere: a reference becomes text, a link leads to the web.
local function link_from(job)
  return function(element)
    local page, class = element.attributes.page, element.classes[1]
    if element.attributes.file then return links.to_web(element, job.site_url) end
    if not page and not element.target:match("^#") then
      return pandoc.Link(element.content, element.target, element.title)
    end
    if not page or class or job.site_url == "" then return element.content end
    local anchor = element.attributes.chapter and "" or element.target
    return pandoc.Link(element.content, job.site_url .. "/" .. page .. anchor, element.title)
  end
end

local function raw_to_web(chapter, job)
  return function(raw)
    if raw.format ~= "html" or job.site_url == "" then return nil end
    raw.text = links.html_to_web(raw.text, chapter, job)
    return raw
  end
end

-- The picture travels in the notebook, under a name made of its path.
local function image(element)
  local name = element.src:gsub("^[./]+", ""):gsub("[^%w.]+", "-"):gsub("%.svg$", ".png")
  return pandoc.Image({ pandoc.Str(element.attributes.alt) }, "attachment:" .. name)
end

-- notebooks.py writes the title, above what the notebook needs.
local function title(header, results)
  results.titles.notebook = write_line(header.content)
  return {}
end

local function heading(header)
  local number = header.attributes.number
  local prefix = number ~= "" and { pandoc.Str(number), pandoc.Space() } or {}
  return pandoc.Header(header.level, pandoc.Inlines(prefix) .. header.content)
end

local function figure(element) return element.content .. caption(element) end

-- CommonMark has no lettered lists: the letters become text.
local function ordered_list(list)
  if list.style == "Decimal" or list.style == "DefaultStyle" then return nil end
  for n, item in ipairs(list.content) do
    local letter = pandoc.Str(MARKERS[list.delimiter]:format(number_of(list, n)))
    local first = item[1] and (item[1].t == "Plain" or item[1].t == "Para") and item[1]
    if not first then item:insert(1, pandoc.Plain {}) end
    item[1].content = pandoc.Inlines { letter, pandoc.Space() } .. item[1].content
  end
  return pandoc.BulletList(list.content)
end

local function tbl(element)
  local below = caption(element)
  element.attr, element.caption = pandoc.Attr(), { long = {} }
  return pandoc.Blocks { element } .. below
end

-- Block quotes, between which cells are on their own.
local function callout(div)
  local out, quote = pandoc.Blocks {}, pandoc.BlockQuote {}
  local function add_quote()
    if #quote.content > 0 then out:insert(quote) end
    quote = pandoc.BlockQuote {}
  end
  for _, block in ipairs(div.content) do
    if is_mark(block) then
      add_quote()
      out:insert(block)
    else
      quote.content:insert(block)
    end
  end
  add_quote()
  if div.classes[1] == "callout-tip" and div.attributes.collapse == "true" then
    out:insert(1, mark("solution"))
    out:insert(mark("end"))
  end
  return out
end

local function div(element)
  local class = element.classes[1] or ""
  if class == "div-title" then return pandoc.Para { pandoc.Strong(element.content[1].content) } end
  return class:match("^callout%-") and callout(element) or element.content
end

-- A notebook is read on its own, so it lists what it cites.
local function references(cites, entries)
  local list = pandoc.Blocks {}
  for _, key in ipairs(cites) do list:insert(entries["ref-" .. key]) end
  if #list > 0 then list:insert(1, pandoc.Header(2, "References", { number = "" })) end
  return list
end

return function(blocks, chapter, job)
  if chapter.page ~= job.references then
    blocks:extend(references(chapter.results.cites, job.entries))
  end
  blocks = blocks:walk { Div = cell }:walk { Cite = function(cite) return cite.content end }
  local function any_heading(header)
    return header.level == 1 and title(header, chapter.results) or heading(header)
  end
  local short = inlines.short(blocks[1].content):walk { Span = inline_span }
  chapter.results.titles.list = write_line(short)
  local raw = raw_to_web(chapter, job)
  blocks = blocks:walk { RawBlock = raw, RawInline = raw }
  blocks = blocks:walk { Link = link_from(job), Span = inline_span, Image = image }
  blocks = blocks:walk { Note = note }
  blocks = blocks:walk { Header = any_heading, Figure = figure, Table = tbl }
  blocks = blocks:walk { OrderedList = ordered_list }:walk { Div = div }
  return pieces(blocks)
end
