-- For Quarto's PDF, after Quarto's own filters: what pandoc's Typst writer drops or writes
-- differently, as in the built-in PDF.

local folder = pandoc.path.directory(PANDOC_SCRIPT_FILE)
local typst = dofile(folder .. "/../../renderer/src/bookbuild/render/lua/typst_calls.lua")

-- A numbered formula is Quarto's call of math.equation already, which lacks the alt text.
local function formulas(inlines)
  local out = pandoc.Inlines {}
  for _, element in ipairs(inlines) do
    local call = out[#out]
    local arguments = call and call.t == "RawInline" and call.text:match("^#math%.equation%((.*)$")
    if element.t ~= "Math" then
      out:insert(element)
    elseif arguments then
      call.text = "#math.equation(alt: " .. typst.alt(element) .. ", " .. arguments
      out:insert(typst.inline("#mathml(" .. typst.mathml(element) .. ")"))
    else
      out:insert(typst.formula(element, "", ";"))
    end
  end
  return out
end

-- All chapters are one document: a link to a term in another chapter stays within it.
local function link(element)
  local anchor = element.target:match("%.qmd(#.+)$")
  if not anchor then return nil end
  element.target = anchor
  return element
end

local function div(element)
  if element.classes:includes("cell") and element.classes:includes("hidden") then return {} end
  if element.classes:includes("cell-output") then return typst.output(element) end
  if element.identifier == "refs" then return typst.references { element } end
end

local function span(element)
  if element.classes:includes("dtype") then return typst.small(element, "\\ ") end
  if element.classes:includes("shape") then return typst.small(element, "") end
end

return {
  { Inlines = formulas },
  {
    Link = link, Span = span, Table = typst.fit_columns, Div = div, DefinitionList = typst.terms,
    OrderedList = typst.own_numbers,
  },
}
