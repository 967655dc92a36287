-- Calls of the Typst template (outputs/typst/book.typ) for what pandoc's Typst writer drops or
-- writes differently: for typst.lua, and for the filters of Quarto's PDF.

local M = {}

function M.inline(text) return pandoc.RawInline("typst", text) end

function M.block(text) return pandoc.RawBlock("typst", text) end

local function text_string(text) return '"' .. text:gsub('[\\"]', "\\%0") .. '"' end

-- A Typst string; none for an empty text.
function M.quoted(text) return text == "" and "none" or text_string(text) end

-- Text and code as strings, and neighbouring lists apart: Typst would read marks, such as those
-- that begin a list, and join the lists. A number's sign is set as a minus.
M.literal = {
  Str = function(str)
    if not str.text:find("%p") then return nil end -- as are most words
    local text = str.text:gsub("^([(%[]?)%-(%d)", "%1\u{2212}%2")
    return text:find("%p") and M.inline("#" .. text_string(text) .. ";") or pandoc.Str(text)
  end,
  Code = function(code) return M.inline("#raw(" .. text_string(code.text) .. ");") end,
  CodeBlock = function(code)
    local lang = M.quoted(code.classes[1] or "")
    return M.block("#raw(block: true, lang: " .. lang .. ", " .. text_string(code.text) .. ")")
  end,
  Blocks = function(blocks)
    local out = pandoc.Blocks {}
    for n, block in ipairs(blocks) do
      local is_next = n > 1 and block.t:match("List$") and block.t == blocks[n - 1].t
      if is_next then out:insert(M.block("#between-lists")) end
      out:insert(block)
    end
    return out
  end,
}

-- Blocks as an argument: #name[ … ]
function M.enclosed(opening, blocks, closing)
  return pandoc.Blocks { M.block(opening) } .. pandoc.Blocks(blocks) .. { M.block(closing) }
end

-- Blocks after a title: #name([title])[ … ].
function M.titled(opening, title, blocks, closing)
  local head = pandoc.Blocks { pandoc.Plain(title), M.block("])[") }
  return M.enclosed(opening .. "[", head .. blocks, "]" .. closing)
end

-- A formula's TeX, for screen readers.
function M.alt(math)
  return M.quoted((math.text:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")))
end

-- Formulas as pandoc's HTML has them, in order.
function M.write_mathml(formulas)
  local doc = pandoc.Pandoc { pandoc.Plain(formulas) }
  return pandoc.write(doc, "html", { html_math_method = "mathml", wrap_text = "none" })
end

-- Mark tables of a formula with arrays: pandoc gives an array whose columns are right and left the
-- MathML of aligned lines, without a gap between them.
function M.mark_arrays(mathml, tex)
  if not tex:find("\\begin{array}", 1, true) then return mathml end
  return (mathml:gsub("<mtable", '<mtable class="array"'))
end

-- A formula's MathML, as on the page, for mathml.typ; unless it is `known`, by kind and TeX.
M.known = {}
function M.mathml(math)
  local mathml = M.known[math.mathtype .. math.text]
    or M.write_mathml({ math }):match("<semantics>(.*)<annotation") or "<mrow></mrow>"
  return text_string(M.mark_arrays(mathml, math.text))
end

function M.formula(math, options, closing)
  local display = math.mathtype == "DisplayMath" and "block: true, " or ""
  local opening = "#formula(" .. display .. options .. M.alt(math) .. ", "
  return M.inline(opening .. M.mathml(math) .. ")" .. closing)
end

function M.callout(kind, title, blocks, closing)
  return M.titled('#callout("' .. kind .. '", ', title, blocks, closing)
end

function M.references(blocks) return M.enclosed("#references[", blocks, "]") end

-- Lists within one that has letters or begins with another number than 1, which Typst would apply
-- to them as well.
function M.own_numbers(list)
  local function is_plain(each)
    local is_decimal = each.style == "Decimal" or each.style == "DefaultStyle"
    local has_stop = each.delimiter == "Period" or each.delimiter == "DefaultDelim"
    return is_decimal and has_stop and each.start == 1
  end
  if is_plain(list) then return nil end
  list.content = list.content:map(function(item)
    return item:walk {
      OrderedList = function(inner)
        local opening = '#block[#set enum(numbering: "1.", start: 1)'
        return is_plain(inner) and M.enclosed(opening, { inner }, "]") or nil
      end,
    }
  end)
  return list
end

-- Each term stays on one page with its explanation.
function M.terms(list)
  local out = pandoc.Blocks {}
  for _, item in ipairs(list.content) do
    out:extend(M.enclosed("#whole[", { pandoc.DefinitionList { item } }, "]"))
  end
  return out
end

-- Small grey text: the type of a data frame's column, or the frame's shape.
function M.small(span, opening)
  return pandoc.Inlines { M.inline(opening .. "#dtype[") } .. span.content .. { M.inline("]") }
end

-- Columns as wide as their contents, aligned left by default.
function M.fit_columns(tbl)
  tbl.colspecs = tbl.colspecs:map(function(spec)
    return { spec[1] == pandoc.AlignDefault and pandoc.AlignLeft or spec[1], nil }
  end)
  return tbl
end

-- Mark printed text, so that the template tells it from code.
function M.output(div)
  return div:walk {
    CodeBlock = function(code) return pandoc.CodeBlock(code.text, { class = "output" }) end,
  }
end

return M
