-- For Quarto's PDF, before Quarto's own filters turn the book's parts into Typst.

local function raw(text) return pandoc.RawInline("typst", text) end

-- Quarto's callout may not break over pages, and solutions are longer than one.
function Callout(callout)
  local title = callout.title or (callout.type:gsub("^%l", string.upper))
  local opening = pandoc.Inlines { raw('#look.callout("' .. callout.type .. '", [') }
  opening:extend(quarto.utils.as_inlines(title))
  opening:insert(raw("])["))
  local out = pandoc.Blocks { pandoc.Plain(opening) }
  out:extend(quarto.utils.as_blocks(callout.content))
  out:insert(pandoc.RawBlock("typst", "]"))
  return out
end

-- The appendices are a part like the others; Quarto gives them a page with nothing but that word.
function Header(header)
  local divider = quarto.doc.language["section-title-appendices"]
  if header.level ~= 1 or pandoc.utils.stringify(header) ~= divider then return nil end
  return pandoc.RawBlock("typst", '#show: lettered.with("' .. divider .. '")')
end
