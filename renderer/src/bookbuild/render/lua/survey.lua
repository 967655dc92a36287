-- List a chapter's ids, links and raw text, each with the format that alone shows it, if any.

local M = {}

local IDENTIFIED = { "Header", "Figure", "Table", "Code", "Image" }

-- Return the only format that shows an element, "html" or "typst"; nil if all do.
local function only_format(element)
  if not element.classes:includes("content-visible") then return nil end
  return element.attributes["when-format"] == "html" and "html" or "typst"
end

local function filter(results, only)
  local function identify(element)
    if element.identifier ~= "" then
      results.ids:insert { id = element.identifier, only = only }
    end
  end
  local function container(element)
    identify(element)
    local format = only_format(element)
    if not format or format == only then return nil end
    element.content:walk(filter(results, only and "none" or format))
    return element, false
  end
  local function raw(element)
    results.raw:insert { format = element.format, text = element.text, only = only }
  end
  local walk = {
    traverse = "topdown", Div = container, Span = container, RawBlock = raw, RawInline = raw,
    Link = function(link)
      identify(link)
      results.links:insert { target = link.target, only = only }
    end,
  }
  for _, name in ipairs(IDENTIFIED) do walk[name] = identify end
  return walk
end

function M.survey(blocks, results) blocks:walk(filter(results)) end

return M
