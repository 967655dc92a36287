-- For Quarto's PDF: what pandoc's Typst writer drops or writes in its own way, as calls of
-- bookbuild's template (`look`), after Quarto's own filters.

local function raw(text) return pandoc.RawInline("typst", text) end

local function written(blocks)
  return (pandoc.write(pandoc.Pandoc(blocks), "typst"):gsub("%s+$", ""))
end

local function quoted(text) return '"' .. text:gsub('[\\"]', "\\%0") .. '"' end

local function spoken(math) return quoted((math.text:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", ""))) end

local function wrapped(opening, blocks)
  local out = pandoc.Blocks { pandoc.RawBlock("typst", opening .. "[") }
  out:extend(blocks)
  out:insert(pandoc.RawBlock("typst", "]"))
  return out
end

-- Each formula says its TeX to who cannot see it. A numbered one is Quarto's call already.
local function formulas(inlines)
  for n, element in ipairs(inlines) do
    local before = inlines[n - 1]
    if element.t == "Math" and before and before.t == "RawInline" and before.text:match("^#math.equation%(") then
      before.text = before.text:gsub("^#math.equation%(", "%0alt: " .. spoken(element):gsub("%%", "%%%%") .. ", ")
    elseif element.t == "Math" then
      local display = element.mathtype == "DisplayMath" and "block: true, " or ""
      local source = written { pandoc.Plain { element } }
      inlines[n] = raw("#look.formula(" .. display .. spoken(element) .. ", " .. source .. ");")
    end
  end
  return inlines
end

-- All chapters are one document: a link to another chapter's glossary entry stays within it.
local function link(element)
  local anchor = element.target:match("%.qmd(#.+)$")
  if not anchor then return nil end
  element.target = anchor
  return element
end

local function output(code) return pandoc.CodeBlock(code.text, { class = "output" }) end

local function div(element)
  if element.classes:includes("cell-output") then return element:walk { CodeBlock = output } end
  if element.identifier == "refs" then return wrapped("#look.references", { element }) end
end

-- Columns as wide as what they hold.
local function columns(tbl)
  tbl.colspecs = tbl.colspecs:map(function(column)
    return { column[1] == pandoc.AlignDefault and pandoc.AlignLeft or column[1], nil }
  end)
  return tbl
end

-- The type below a column's name, and a data frame's shape below its rows.
local function small(span)
  local class = span.classes[1]
  if class ~= "dtype" and class ~= "shape" then return nil end
  local opening = class == "dtype" and "\\ #look.dtype[" or "#look.dtype["
  local out = pandoc.Inlines { raw(opening) }
  out:extend(span.content)
  out:insert(raw("]"))
  return out
end

-- A term and what it means stay on one page.
local function terms(list)
  local out = pandoc.Blocks {}
  for _, item in ipairs(list.content) do
    out:extend(wrapped("#look.whole", { pandoc.DefinitionList { item } }))
  end
  return out
end

return {
  { Inlines = formulas },
  { Link = link, Span = small, Table = columns, Div = div, DefinitionList = terms },
}
