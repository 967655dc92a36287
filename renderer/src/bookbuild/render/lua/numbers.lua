-- Number sections, figures, tables, equations, listings and theorems as Quarto does, and collect
-- the labels that chapters refer to.

local M = {}

local inlines = require "inlines"

local NBSP = "\u{a0}"
local THEOREMS = {
  thm = "Theorem", lem = "Lemma", cor = "Corollary", prp = "Proposition", cnj = "Conjecture",
  def = "Definition", exm = "Example", exr = "Exercise",
}
local NAMES = { sec = "Section", fig = "Figure", tbl = "Table", eq = "Equation", lst = "Listing" }
for kind, name in pairs(THEOREMS) do NAMES[kind] = name end
local CAPTIONED = { Figure = { fig = true, lst = true }, Table = { tbl = true } }
local BLANK = { Space = true, SoftBreak = true }

local stringify = pandoc.utils.stringify

-- The current chapter, what has been counted in it, and the level of its last heading.
local chapter, counters, sections, level

-- The kind of element that a label belongs to, such as "fig"; nil if it is not a cross-reference.
function M.kind_of(id)
  local prefix = id:match("^(%a+)%-")
  return NAMES[prefix] and prefix
end

-- The number of a list's item, without full stop or brackets: 3, c, or iii; nil for `#.`.
function M.of_item(list, n)
  local number, style = list.start + n - 1, list.style
  if style == "Decimal" then return tostring(number) end
  local text = style:match("Roman$") and pandoc.utils.to_roman_numeral(number)
    or style:match("Alpha$") and number <= 26 and string.char(64 + number) or nil
  return text and (style:match("^Lower") and text:lower() or text:upper())
end

-- [-@fig-x] reads as `number` and @fig-x as `text`.
local function add_label(id, number, text, is_chapter)
  chapter.results.labels:insert {
    id = id, number = number, text = text, chapter = is_chapter or false,
  }
end

local function next_number(kind, id)
  counters[kind] = (counters[kind] or 0) + 1
  local number = (chapter.number ~= "" and chapter.number .. "." or "") .. counters[kind]
  add_label(id, number, NAMES[kind] .. NBSP .. number)
  return number
end

local function section_number(header)
  if chapter.number == "" or header.classes:includes("unnumbered") then return "" end
  local depth = header.level - 1
  for n = #sections + 1, depth do sections[n] = 0 end
  sections[depth] = sections[depth] + 1
  sections = { table.unpack(sections, 1, depth) }
  return chapter.number .. "." .. table.concat(sections, ".")
end

local function title(header)
  local results, text, number = chapter.results, inlines.plain(header.content), chapter.number
  if results.title then
    chapter.problem("# " .. text, "a chapter has one title; use ## for its sections")
    return {}
  end
  results.title, results.id = text, header.identifier
  if M.kind_of(results.id) == "sec" then
    local name = (chapter.kind == "appendix" and "Appendix" or "Chapter") .. NBSP .. number
    local is_numbered = number ~= ""
    add_label(results.id, is_numbered and number or text, is_numbered and name or text, true)
  end
  return header
end

-- Accessible PDFs require an outline without gaps.
local function check_level(header)
  if header.level > level + 1 then
    local marks, word = ("#"):rep(header.level), stringify(header):match("^%S*")
    local advice = ("#"):rep(level + 1)
    chapter.problem(marks .. " " .. word, "this heading skips a level: use " .. advice)
  end
  level = header.level
end

local function heading(header)
  check_level(header)
  if header.level == 1 then return title(header) end
  local number = section_number(header)
  if M.kind_of(header.identifier) == "sec" then
    local text = number ~= "" and NAMES.sec .. NBSP .. number or inlines.plain(header.content)
    add_label(header.identifier, number ~= "" and number or text, text)
  end
  header.attributes.number = number
  return header
end

local function prefix_caption(element, prefix)
  local caption = element.caption.long[1]
  local text = pandoc.Inlines { pandoc.Str(prefix), pandoc.Space() }
  element.caption = { long = { pandoc.Plain(text .. (caption and caption.content or {})) } }
end

-- The parts of a figure have "(a)" before their captions, and @fig-part reads "Figure 1.1 (a)".
local function number_parts(figure, number)
  figure.content = figure.content:walk {
    Figure = function(inner)
      local part = inner.attributes.part
      if not part then return nil end
      prefix_caption(inner, part)
      if inner.identifier ~= "" then
        local own = number .. " " .. part
        add_label(inner.identifier, own, NAMES.fig .. NBSP .. own)
      end
      return inner
    end,
  }
end

-- Put "Figure 1.1: " before the caption of a labelled figure, table or listing.
local function number_caption(element)
  local id = element.identifier
  local kind = M.kind_of(id)
  if not CAPTIONED[element.t][kind] or element.attributes.part then return nil end
  if not element.caption.long[1] then
    return chapter.problem(id, "`" .. id .. "` has no caption")
  end
  local number = next_number(kind, id)
  prefix_caption(element, NAMES[kind] .. NBSP .. number .. ":")
  if kind == "fig" then number_parts(element, number) end
  return element
end

-- `::: {#thm-x}`: a heading at the beginning is the theorem's name.
local function theorem(div)
  local kind = M.kind_of(div.identifier)
  if not THEOREMS[kind] then return nil end
  local number = next_number(kind, div.identifier)
  local name = pandoc.Inlines { pandoc.Str(NAMES[kind] .. NBSP .. number) }
  local first = div.content[1]
  if first and first.t == "Header" then
    name = name .. { pandoc.Space(), pandoc.Str("(") } .. first.content .. { pandoc.Str(")") }
    div.content:remove(1)
    first = div.content[1]
  end
  if not first or first.t ~= "Para" then div.content:insert(1, pandoc.Para {}) end
  local opening = pandoc.Span({ pandoc.Strong(name) }, { class = "theorem-title" })
  div.content[1].content = pandoc.Inlines { opening, pandoc.Space() } .. div.content[1].content
  div.classes = { "theorem" }
  return div
end

-- `$$ … $$ {#eq-x}` becomes a span with the formula and its number.
local function equations(block)
  if not stringify(block):find("{#eq-", 1, true) then return nil end
  local out = pandoc.Inlines {}
  for _, element in ipairs(block.content) do
    local id, rest = (element.t == "Str" and element.text or ""):match("^{#(eq%-[%w_-]+)}(.*)$")
    local last = #out
    while id and last > 0 and BLANK[out[last].t] do last = last - 1 end
    if id and last > 0 and out[last].mathtype == "DisplayMath" then
      local math, number = out[last], "(" .. next_number("eq", id) .. ")"
      while #out >= last do out:remove() end
      local span = pandoc.Span({ pandoc.Str(number) }, { class = "eq-number" })
      out:insert(pandoc.Span({ math, span }, { id = id, class = "equation" }))
      if rest ~= "" then out:insert(pandoc.Str(rest)) end
    else
      local label = element.t == "Str" and element.text:match("{#eq%-[^%s}]*}?")
      if label then chapter.problem(label, "`" .. label .. "` must follow a formula between $$") end
      out:insert(element)
    end
  end
  block.content = out
  return block
end

-- A span with an id is a term of a glossary, to which other chapters link.
local function term(span)
  if span.identifier ~= "" then add_label(span.identifier, "", stringify(span)) end
end

function M.number(blocks, current)
  chapter, counters, sections, level = current, {}, {}, 1
  return blocks:walk { Div = theorem, Span = term }:walk {
    Para = equations, Plain = equations, Header = heading,
    Figure = number_caption, Table = number_caption,
  }
end

return M
