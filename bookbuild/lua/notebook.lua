-- A chapter as Markdown that Jupyter understands: what was div, label or reference becomes text.
-- A comment stands for each code cell, in order; notebooks.py cuts the text there.

local WRITER = "commonmark+pipe_tables+tex_math_dollars"

local stringify = pandoc.utils.stringify

local function equation(span)
  if not span.classes:includes("equation") then return span.content end
  local math, number = span.content[1], stringify(span.content[2]):match("%((.*)%)")
  return pandoc.Math("DisplayMath", math.text:gsub("%s+$", "") .. " \\tag{" .. number .. "}")
end

local function note(element)
  local text = pandoc.utils.blocks_to_inlines(element.content)
  text:insert(1, pandoc.Str(" ("))
  text:insert(pandoc.Str(")"))
  return text
end

local function link(element)
  if element.target:match("^#") then return element.content end
end

-- The picture travels in the notebook, under a name made of its path.
local function image(element)
  local name = element.src:gsub("^[./]+", ""):gsub("[^%w.]+", "-"):gsub("%.svg$", ".png")
  return pandoc.Image({ pandoc.Str(element.attributes.alt) }, "attachment:" .. name)
end

local function heading(header)
  local number = header.attributes.number
  if number ~= "" then
    header.content:insert(1, pandoc.Space())
    header.content:insert(1, pandoc.Str(number))
  end
  return pandoc.Header(header.level, header.content)
end

local function caption(element)
  local text = element.caption.long[1]
  return text and pandoc.Para(text.content)
end

local function figure(element)
  local out = element.content
  out:insert(caption(element))
  return out
end

local function tbl(element)
  local below = caption(element)
  element.attr, element.caption = pandoc.Attr(), { long = {} }
  return below and { element, below }
end

local function is_cell(block) return block.t == "RawBlock" and block.text == "<!-- cell -->" end

-- A cell's code and outputs are in the notebook; only the caption has to be told, and where a live
-- figure is.
local function cell(div)
  if div.classes[1] ~= "cell" then return nil end
  local out = pandoc.Blocks { pandoc.RawBlock("html", "<!-- cell -->") }
  div:walk {
    Figure = function(element) out:insert(caption(element)) end,
    Table = function(element) out:extend({ caption(element) }) end,
    Div = function(element)
      if element.classes:includes("explorable-data") then out:extend(element.content) end
    end,
  }
  return out
end

-- A title in bold and block quotes, between which the cells stand free.
local function callout(div)
  local title = div.content:remove(1).content[1].content
  local out, quote = pandoc.Blocks {}, pandoc.BlockQuote { pandoc.Para { pandoc.Strong(title) } }
  for _, block in ipairs(div.content) do
    if is_cell(block) then
      if #quote.content > 0 then out:insert(quote) end
      out:insert(block)
      quote = pandoc.BlockQuote {}
    else
      quote.content:insert(block)
    end
  end
  if #quote.content > 0 then out:insert(quote) end
  return out
end

local function div(element)
  local kind = element.classes[1] or ""
  if kind == "tab-title" then return pandoc.Para { pandoc.Strong(element.content[1].content) } end
  if kind:match("^callout%-") and kind ~= "callout-title" then return callout(element) end
  if kind ~= "callout-title" then return element.content end
end

-- A notebook stands alone, so it lists what it cites.
local function list_of_references(chapter, entries)
  if not chapter.found.cites[1] then return {} end
  local keys, seen = pandoc.List {}, {}
  for _, key in ipairs(chapter.found.cites) do seen[key] = true end
  for id in pairs(entries) do
    local key = id:match("^ref%-(.+)$")
    if seen[key] then keys:insert(id) end
  end
  keys:sort()
  local list = keys:map(function(id) return entries[id] end)
  list:insert(1, pandoc.Header(2, "References", { number = "" }))
  return list
end

return function(blocks, chapter, job)
  if chapter.page ~= job.references then blocks:extend(list_of_references(chapter, job.entries)) end
  blocks = blocks:walk { Div = cell }:walk { Cite = function(cite) return cite.content end }
  blocks = blocks:walk { Span = equation, Note = note, Link = link, Image = image }
  blocks = blocks:walk { Header = heading, Figure = figure, Table = tbl }:walk { Div = div }
  return pandoc.write(pandoc.Pandoc(blocks), WRITER, { wrap_text = "none" })
end
