-- For Quarto's PDF, before Quarto's own filters turn the book's parts into Typst.

local folder = pandoc.path.directory(PANDOC_SCRIPT_FILE)
local typst = dofile(folder .. "/../../renderer/src/bookbuild/render/lua/typst_calls.lua")

-- Quarto's own callout cannot break over pages, and solutions are longer than one.
function Callout(callout)
  local title = callout.title or (callout.type:gsub("^%l", string.upper))
  local content = quarto.utils.as_blocks(callout.content)
  return typst.callout(callout.type, quarto.utils.as_inlines(title), content, "")
end

-- The appendices are a part like the others; Quarto would insert a page with only that word.
function Header(header)
  local divider = quarto.doc.language["section-title-appendices"]
  if header.level ~= 1 or pandoc.utils.stringify(header) ~= divider then return nil end
  return typst.block('#show: lettered.with("' .. divider .. '")')
end
