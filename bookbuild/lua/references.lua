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

-- `[word](glossary.qmd#gl-word)`: a link to a place in another chapter, with a text of its own.
local function link(element, labels, found)
  local id = element.target:match("%.qmd#(.+)$")
  if not id then return nil end
  found.links:insert(id)
  if not labels[id] then return nil end
  local out = crossref(element.content, labels[id])
  out.classes = { "term" }
  return out
end

local function references(element, labels, found)
  local out = pandoc.Inlines {}
  for _, citation in ipairs(element.citations) do
    if kind_of(citation.id) then
      found.refs:insert(citation.id)
      if #out > 0 then out:extend { pandoc.Str(","), pandoc.Space() } end
      out:insert(reference(citation, labels))
      out:extend(citation.suffix)
    else
      found.cites:insert(citation.id)
    end
  end
  if #out > 0 then return out end
end

-- Put links in the place of references; note what the chapter refers to and cites.
function M.resolve(chapter, labels)
  chapter.blocks = chapter.blocks:walk {
    Cite = function(cite) return references(cite, labels, chapter.found) end,
    Link = function(element) return link(element, labels, chapter.found) end,
  }
end

-- The page of the chapter with `{#refs}`, which holds the list of all that the book cites.
local function page_of_list(chapters)
  for _, chapter in ipairs(chapters) do
    local page
    chapter.blocks:walk { Div = function(div) page = div.identifier == "refs" and chapter.page or page end }
    if page then return page end
  end
end

-- Write citations as author and date, and the list. One call for the whole book, so that two works
-- of one author and year are told apart by the same letters everywhere.
function M.cite(job)
  job.references = page_of_list(job.chapters)
  local parts = pandoc.List(job.chapters):map(function(chapter) return pandoc.Div(chapter.blocks) end)
  local doc = pandoc.Pandoc(parts, {
    bibliography = job.bibliography, lang = job.lang, ["link-citations"] = job.references ~= nil,
  })
  -- what it warns of is a citation without an entry: check.py says where that stands
  local _, cited = pandoc.log.silence(function() return pandoc.utils.citeproc(doc) end)
  for n, chapter in ipairs(job.chapters) do chapter.blocks = cited.blocks[n].content end
  job.entries = {}
  cited:walk { Div = function(div) job.entries[div.identifier] = div end }
end

return M
