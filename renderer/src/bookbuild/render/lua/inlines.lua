-- Forms of titles for other places: contents, bookmarks and lists of pages.

local M = {}

local stringify = pandoc.utils.stringify

-- Write upright bold letters as text, which pandoc's MathML would slant.
function M.upright(math)
  local function as_text(letters)
    return letters:match("^{[%a%d ]+}$") and "\\textbf" .. letters or nil
  end
  math.text = math.text:gsub("\\mathbf%s*(%b{})", as_text):gsub("\\mathbf%s+(%a)", "\\textbf{%1}")
  return math
end

-- Return a title without what belongs to its own place only: notes, links, ids and pictures.
function M.short(inlines)
  return pandoc.Inlines(inlines):walk {
    Note = function() return {} end,
    RawInline = function() return {} end,
    LineBreak = function() return pandoc.Space() end,
    Link = function(link) return link.content end,
    Cite = function(cite) return cite.content end,
    Image = function(image) return image.caption end,
    Code = function(code) return pandoc.Code(code.text) end,
    Span = function(span)
      span.identifier = ""
      return (#span.classes > 0 or span.attributes.lang) and span or span.content
    end,
  }
end

-- Return a formula as text that can be read: x² where there are such characters, else as in Typst.
local function readable(math)
  local function write(format)
    local doc = pandoc.Pandoc { pandoc.Plain { math } }
    return select(2, pandoc.log.silence(function()
      return (pandoc.write(doc, format, { wrap_text = "none" }):gsub("%s+", " "):gsub(" $", ""))
    end))
  end
  local text = write("plain")
  return pandoc.Str(text:match("^%$") and write("typst"):gsub("[$\\]", "") or text)
end

-- Return a title as text.
function M.plain(inlines)
  return (stringify(M.short(inlines):walk { Math = readable }):gsub("%s+", " "))
end

-- Return whether a title must be changed, or become text, where it is repeated.
function M.is_rich(inlines)
  local found = false
  local function find() found = true end
  local function find_id(element) found = found or element.identifier ~= "" end
  pandoc.Inlines(inlines):walk {
    Math = find, Note = find, Link = find, Span = find_id, Code = find_id,
  }
  return found
end

return M
