-- Write a chapter as Markdown for Jupyter: divs, labels and references become text. The result is
-- a list of pieces, which notebooks.py puts together: { kind = "text", text = … }, "cell" for the
-- next code cell, and "solution" and "end" around a solution.

local WRITER = "commonmark+pipe_tables+tex_math_dollars"
local OPTIONS = pandoc.WriterOptions { wrap_text = "none" }

local stringify = pandoc.utils.stringify

-- Where to cut the text. No author can write such a mark: checks.lua refuses its raw format.
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

local function pieces(blocks)
  local out, text = pandoc.List {}, pandoc.Blocks {}
  local function add_text()
    if #text == 0 then return end
    out:insert { kind = "text", text = pandoc.write(pandoc.Pandoc(text), WRITER, OPTIONS) }
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

local function equation(span)
  if not span.classes:includes("equation") then return span.content end
  local math, number = span.content[1], stringify(span.content[2]):match("%((.*)%)")
  return pandoc.Math("DisplayMath", math.text:gsub("%s+$", "") .. " \\tag{" .. number .. "}")
end

local function note(element)
  local text = pandoc.utils.blocks_to_inlines(element.content)
  return pandoc.Inlines { pandoc.Str(" (") } .. text .. { pandoc.Str(")") }
end

local function link(element)
  return element.target:match("^#") and element.content or nil
end

-- The picture travels in the notebook, under a name made of its path.
local function image(element)
  local name = element.src:gsub("^[./]+", ""):gsub("[^%w.]+", "-"):gsub("%.svg$", ".png")
  return pandoc.Image({ pandoc.Str(element.attributes.alt) }, "attachment:" .. name)
end

local function heading(header)
  local number = header.attributes.number
  local prefix = number ~= "" and { pandoc.Str(number), pandoc.Space() } or {}
  return pandoc.Header(header.level, pandoc.Inlines(prefix) .. header.content)
end

local function figure(element) return element.content .. caption(element) end

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
  blocks = blocks:walk { Span = equation, Note = note, Link = link, Image = image }
  blocks = blocks:walk { Header = heading, Figure = figure, Table = tbl }:walk { Div = div }
  return pieces(blocks)
end
