-- References between chapters, and citations. A reference becomes a link to `#label` with the page
-- that has the label in its attributes; each format makes of it what it needs.

local M = {}

local NBSP = "\u{a0}"
local kind_of = require("structure").kind_of

local function crossref(content, known)
  return pandoc.Link(content, "#" .. known.id, "", {
    class = "crossref", page = known.page, chapter = known.chapter and "yes" or nil,
  })
end

local function reference(citation, labels)
  local known = labels[citation.id]
  if not known then return pandoc.Str("@" .. citation.id) end -- check.py will say so
  local text = pandoc.Inlines { pandoc.Str(known.text) }
  if citation.mode == "SuppressAuthor" then
    text = pandoc.Inlines { pandoc.Str(known.number) }
  elseif #citation.prefix > 0 then
    text = citation.prefix .. { pandoc.Str(NBSP .. known.number) }
  end
  return crossref(text, known)
end

local function place_of(link) return link.target:match("%.qmd#(.+)$") end

-- `[word](glossary.qmd#gl-word)`: a link to a place in another chapter, with a text of its own.
local function link(element, labels)
  local id = place_of(element)
  if not id or not labels[id] then return nil end
  local out = crossref(element.content, labels[id])
  out.classes = { "term" }
  return out
end

local function references(element, labels)
  local out = pandoc.Inlines {}
  for _, citation in ipairs(element.citations) do
    if kind_of(citation.id) then
      if #out > 0 then out:extend { pandoc.Str(","), pandoc.Space() } end
      out:insert(reference(citation, labels))
      out:extend(citation.suffix)
    end
  end
  if #out > 0 then return out end
end

-- Note what a chapter refers to and cites, and whether it has the list of all that the book cites.
function M.note(chapter)
  local found = chapter.found
  chapter.blocks:walk {
    Cite = function(cite)
      for _, citation in ipairs(cite.citations) do
        local list = kind_of(citation.id) and found.refs or found.cites
        list:insert(citation.id)
      end
    end,
    Link = function(element) found.links:insert(place_of(element)) end,
    Div = function(div) found.has_list = found.has_list or div.identifier == "refs" end,
  }
end

-- Put links in the place of references.
function M.resolve(chapter, labels)
  chapter.blocks = chapter.blocks:walk {
    Cite = function(cite) return references(cite, labels) end,
    Link = function(element) return link(element, labels) end,
  }
end

-- All that the book cites, as pandoc takes what is listed without being cited.
local function cited_anywhere(chapters)
  local out = pandoc.Inlines {}
  for _, chapter in ipairs(chapters) do
    for _, key in ipairs(chapter.found.cites) do
      out:insert(pandoc.Cite({}, { pandoc.Citation(key, "NormalCitation") }))
    end
  end
  return pandoc.MetaInlines(out)
end

-- Write the citations of some chapters as author and date, and the list. Two works of one author
-- and year are told apart by the same letters everywhere, so what the others cite counts, too.
function M.cite(job, chapters)
  local with_list = job.chapters:find_if(function(chapter) return chapter.found.has_list end)
  job.references = with_list and with_list.page
  local parts = chapters:map(function(chapter) return pandoc.Div(chapter.blocks) end)
  local doc = pandoc.Pandoc(parts, {
    bibliography = job.bibliography, lang = job.lang, ["link-citations"] = job.references ~= nil,
    nocite = cited_anywhere(job.chapters),
  })
  -- what it warns of is a citation without an entry: check.py says where that stands
  local _, cited = pandoc.log.silence(function() return pandoc.utils.citeproc(doc) end)
  for n, chapter in ipairs(chapters) do chapter.blocks = cited.blocks[n].content end
  job.entries = {}
  cited:walk { Div = function(div) job.entries[div.identifier] = div end }
end

return M
