-- A chapter as Typst. What pandoc's writer drops or writes in its own way becomes a call of
-- typst/book.typ.

local WRITER = "typst-smart" -- pandoc knows an apostrophe from a quotation mark, Typst guesses

local stringify = pandoc.utils.stringify

local function block(text) return pandoc.RawBlock("typst", text) end

-- Text as Typst writes it, and none for an empty one.
local function quoted(text) return text == "" and "none" or '"' .. text:gsub('[\\"]', "\\%0") .. '"' end

local function written(blocks)
  return (pandoc.write(pandoc.Pandoc(blocks), WRITER, { wrap_text = "none" }):gsub("%s+$", ""))
end

local function labelled(id) return id ~= "" and " <" .. id .. ">" or "" end

-- A call with content: #name(arguments)[ … ]
local function wrapped(opening, blocks, closing)
  local out = pandoc.Blocks { block(opening .. "[") }
  out:extend(blocks)
  out:insert(block("]" .. (closing or "")))
  return out
end

local function inline(text) return pandoc.RawInline("typst", text) end

local function formula(math, options, closing)
  local display = math.mathtype == "DisplayMath" and "block: true, " or ""
  local spoken = math.text:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")
  return { inline("#formula(" .. display .. options .. quoted(spoken) .. ", "), math, inline(")" .. closing) }
end

local function equation(span)
  if not span.classes:includes("equation") then return nil end
  local number = quoted(stringify(span.content[2]))
  return formula(span.content[1], "number: " .. number .. ", ", labelled(span.identifier)), false
end

local function math(element) return formula(element, "", ";"), false end

-- A picture is measured in pixels; 110 of them to the inch make its letters as large as the text's.
local function image(element)
  local function inches(side) return (tonumber(element.attributes[side]) or 480) / 110 .. "in" end
  local path, alt = quoted(element.src), quoted(element.attributes.alt)
  local source = "image.with(" .. path .. ", alt: " .. alt .. ")"
  local size = inches("width") .. ", " .. inches("height")
  return pandoc.RawInline("typst", "#picture(" .. source .. ", " .. size .. ")")
end

local function heading(header)
  local number = quoted(header.attributes.number or "")
  header.content:insert(1, inline("#section(" .. header.level .. ", " .. number .. ")["))
  header.content:insert(inline("]" .. labelled(header.identifier)))
  return pandoc.Plain(header.content)
end

local function figure(element)
  local caption = element.caption.long[1]
  local text = caption and written { pandoc.Plain(caption.content) } or ""
  local placement = element.attributes.float and "bottom" or "none"
  local kind = element.classes:includes("listing") and "raw" or "image"
  local opening = "#figure(kind: " .. kind .. ", placement: " .. placement .. ", caption: [" .. text .. "])"
  return wrapped(opening, element.content, labelled(element.identifier))
end

-- A table stands at the left, where pandoc would centre it; a long one may go on over the page.
local function placed(tbl)
  local text = written({ tbl }):gsub("align%(center%)", "align(left)", 1)
  return #tbl.bodies[1].body > 8 and wrapped("#long", { block(text) }) or block(text)
end

local function aligned(tbl)
  tbl.colspecs = tbl.colspecs:map(function(spec) -- widths as the contents want them
    return { spec[1] == pandoc.AlignDefault and pandoc.AlignLeft or spec[1], nil }
  end)
  return placed(tbl)
end

-- The type of a frame's column stands below its name.
local function dtype(span)
  if not span.classes:includes("dtype") then return nil end
  return pandoc.Inlines { inline("\\ #dtype[") } .. span.content .. { inline("]") }
end

local function shape_of(block)
  local span = block and block.t == "Para" and block.content[1]
  return span and span.t == "Span" and span.classes:includes("shape") and stringify(span)
end

local function output(element)
  local shape = shape_of(element.content[#element.content])
  if shape then
    element.content:remove()
    return wrapped("#shaped(" .. quoted(shape) .. ")", element.content)
  end
  return element:walk {
    CodeBlock = function(code) return pandoc.CodeBlock(code.text, { class = "output" }) end,
  }.content
end

-- A term and what it means stay on one page.
local function terms(list)
  local out = pandoc.Blocks {}
  for _, item in ipairs(list.content) do
    out:extend(wrapped("#whole", { pandoc.DefinitionList { item } }))
  end
  return out
end

local function div(element)
  local kind = element.classes[1] or ""
  if kind == "cell" then return element.content end
  if kind == "cell-output" then return output(element) end
  if kind == "tab-title" then return pandoc.Para { pandoc.Strong(element.content[1].content) } end
  if kind == "tab" then return element.content end
  if kind == "theorem" then return wrapped("#theorem", element.content, labelled(element.identifier)) end
  if kind == "column" then return wrapped("", element.content, ",") end
  if kind == "layout" then
    local opening = pandoc.Blocks { block("#side-by-side(" .. element.attributes.columns .. ", (") }
    return opening .. element.content .. { block("))") }
  end
  if element.identifier == "refs" then return wrapped("#references", element.content) end
  if not kind:match("^callout%-") or kind == "callout-title" then return nil end
  local title = written { pandoc.Plain(element.content:remove(1).content[1].content) }
  local opening = "#callout(" .. quoted((kind:gsub("callout%-", ""))) .. ", [" .. title .. "])"
  return wrapped(opening, element.content, labelled(element.identifier))
end

-- Figures float, save those in a callout: they belong to what it says.
local function floating(blocks)
  return blocks:map(function(element)
    local class = element.t == "Div" and element.classes[1]
    if element.t == "Figure" and not element.classes:includes("listing") then element.attributes.float = "yes" end
    if class == "cell" or class == "cell-output" then element.content = floating(element.content) end
    return element
  end)
end

-- A term that links to its explanation keeps the colour of the text.
local function term(link)
  if not link.classes:includes("term") then return nil end
  link.content:insert(1, inline("#term["))
  link.content:insert(inline("]"))
  return link
end

return function(blocks)
  blocks = pandoc.Blocks(floating(blocks)):walk { Cite = function(cite) return cite.content end }
  blocks = blocks:walk { traverse = "topdown", Span = equation, Math = math }
  blocks = blocks:walk { Span = dtype, Image = image, Link = term }
  blocks = blocks:walk { Header = heading, Figure = figure, Table = aligned, DefinitionList = terms, Div = div }
  return written(blocks) .. "\n"
end
