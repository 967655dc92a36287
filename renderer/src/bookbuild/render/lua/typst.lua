-- Write a chapter as Typst, with calls of outputs/typst/book.typ.

local inlines = require "inlines"
local links = require "links"
local typst = require "typst_calls"

local WRITER = "typst-smart" -- pandoc knows an apostrophe from a quotation mark, Typst guesses
local PIXELS_PER_INCH = 110 -- a picture's letters are then as large as the text's

local stringify = pandoc.utils.stringify

local function write(blocks)
  local doc = pandoc.Pandoc(pandoc.Blocks(blocks):walk(typst.literal))
  return pandoc.write(doc, WRITER, { wrap_text = "none" }):gsub("%s+$", "")
end

local function label(id) return id ~= "" and " <" .. id .. ">" or "" end

-- Tables and code can be longer than a page.
local function mark_long(figure)
  local function mark() figure.attributes.long = "yes" end
  figure.content:walk { Table = mark, CodeBlock = mark }
  return figure
end

-- Figures float, except those in a callout, whose text refers to them, and long ones.
local function float_figures(blocks)
  return blocks:map(function(element)
    local class = element.t == "Div" and element.classes[1]
    if element.t == "Figure" and not element.attributes.long then
      element.attributes.float = "yes"
    elseif class == "cell" or class == "cell-output" then
      element.content = float_figures(element.content)
    end
    return element
  end)
end

local function equation(span)
  if not span.classes:includes("equation") then return nil end
  local number = "number: " .. typst.quoted(stringify(span.content[2])) .. ", "
  return typst.formula(span.content[1], number, label(span.identifier)), false
end

local function math(element) return typst.formula(element, "", ";") end

local function image(element)
  local function inches(side)
    return (tonumber(element.attributes[side]) or 480) / PIXELS_PER_INCH .. "in"
  end
  local path, alt = typst.quoted(element.src), typst.quoted(element.attributes.alt)
  local source = "image.with(" .. path .. ", alt: " .. alt .. ")"
  local size = inches("width") .. ", " .. inches("height")
  return typst.inline("#picture(" .. source .. ", " .. size .. ")")
end

local function around(opening, content, closing)
  return pandoc.Inlines { typst.inline(opening) } .. pandoc.Inlines(content) ..
    { typst.inline(closing) }
end

local function span(element)
  local lang = element.attributes.lang
  if element.classes:includes("dtype") then return typst.small(element, "\\ ") end
  if element.classes:includes("kbd") then return pandoc.Code(stringify(element)) end
  return lang and around("#text(lang: " .. typst.quoted(lang) .. ")[", { element }, "]") or nil
end

-- A link to a term's explanation keeps the colour of the text.
local function link(element)
  if not element.classes:includes("term") then return nil end
  element.content = around("#term[", element.content, "]")
  return element
end

-- Lead to the label of a page or of an id on it, or to a file's web address.
local function link_from(job)
  return function(element)
    local place = job.pages[element.attributes.page]
    if element.attributes.file then return links.to_web(element, job.site_url) end
    if not place then return nil end
    local target = place.labels[element.target:sub(2)]
    if not target then return element.content end -- only pages have it
    element.target = "#" .. target
    return element
  end
end

-- Rename an element to its label in the PDF; pandoc drops the ids of code, images and links.
local function relabel(labels)
  local function rename(element)
    element.identifier = labels[element.identifier] or element.identifier
    return element
  end
  local function precede(element)
    local id = labels[element.identifier]
    element.identifier = ""
    return id and { typst.inline("#metadata(none)" .. label(id)), element } or element
  end
  return {
    Header = rename, Div = rename, Figure = rename, Table = rename, Span = rename,
    Code = precede, Image = precede, Link = precede,
  }
end

-- A chapter's number is its label. A title that is more than text has three forms.
local function prepare_heading(chapter)
  return function(header)
    local title = header.content
    if header.level == 1 then header.attributes.number = chapter.label end
    if inlines.is_rich(title) then
      local opening = "#rich(" .. typst.quoted(inlines.plain(title)) .. ")["
      local short = around(opening, inlines.short(title), "][")
      header.content = short .. title .. { typst.inline("]") }
    end
    return header
  end
end

local function heading(header)
  local number = typst.quoted(header.attributes.number or "")
  local opening = "#section(" .. header.level .. ", " .. number .. ")["
  return pandoc.Plain(around(opening, header.content, "]" .. label(header.identifier)))
end

local function figure(element)
  local caption = element.caption.long[1]
  local placement = element.attributes.float and "bottom" or "none"
  local kind, content = element.classes:includes("listing") and "raw" or '"blocks"', element.content
  if not element.attributes.long then
    kind, content = "image", typst.enclosed("#on-one-page[", content, "]")
  end
  local opening = "#figure(kind: " .. kind .. ", placement: " .. placement .. ", caption: "
  local text = caption and caption.content or {}
  return typst.titled(opening, text, content, label(element.identifier))
end

-- Tables are at the left, where pandoc would centre them. A head with notes or links, which an
-- accessible PDF may have once only, is not repeated on the next page.
local function tbl(element)
  local text = write({ typst.fit_columns(element) }):gsub("align%(center%)", "align(left)", 1)
  local head = text:match("table%.header%(.-table%.hline") or ""
  if head:find("#footnote[", 1, true) or head:find("#link(", 1, true) then
    text = text:gsub("table%.header%(", "%0repeat: false, ", 1)
  end
  return typst.block(text)
end

-- The shape of a data frame, below its rows.
local function shape_of(block)
  local first = block and block.t == "Para" and block.content[1]
  return first and first.t == "Span" and first.classes:includes("shape") and stringify(first)
end

local function output(element)
  local shape = shape_of(element.content[#element.content])
  if not shape then return typst.output(element).content end
  element.content:remove()
  return typst.enclosed("#shaped(" .. typst.quoted(shape) .. ")[", element.content, "]")
end

local function callout(element)
  local kind = element.classes[1]:gsub("^callout%-", "")
  local title = element.content:remove(1).content[1].content -- in bold
  return typst.callout(kind, title, element.content, label(element.identifier))
end

local function div(element)
  local class, content = element.classes[1] or "", element.content
  if element.identifier == "refs" then return typst.references(element.content) end
  if class == "cell" or class == "tab" then return content end
  if class == "cell-output" then return output(element) end
  if class == "div-title" then return pandoc.Para { pandoc.Strong(content[1].content) } end
  if class == "theorem" then
    return typst.enclosed("#theorem[", content, "]" .. label(element.identifier))
  end
  if class == "column" then return typst.enclosed("[", content, "],") end
  if class == "layout" and element.attributes.columns then
    return typst.enclosed("#side-by-side(" .. element.attributes.columns .. ", (", content, "))")
  end
  if class:match("^callout%-") then return callout(element) end
end

return function(blocks, chapter, job)
  blocks = pandoc.Blocks(blocks):walk { Figure = mark_long, Header = prepare_heading(chapter) }
  blocks = pandoc.Blocks(float_figures(blocks))
  blocks = blocks:walk {
    Cite = function(cite) return cite.content end, Link = link_from(job),
  }:walk(relabel(job.pages[chapter.page].labels))
  blocks = blocks:walk { Math = inlines.upright }
  typst.known = chapter.mathml
  blocks = blocks:walk { traverse = "topdown", Span = equation, Math = math }
  blocks = blocks:walk { Span = span, Image = image, Link = link }
  chapter.results.label = job.pages[chapter.page].labels[chapter.results.id]
  blocks = blocks:walk {
    Header = heading, Figure = figure, Table = tbl, DefinitionList = typst.terms, Div = div,
    OrderedList = typst.own_numbers,
  }
  return write(blocks) .. "\n"
end
