-- References between chapters, and citations. A reference becomes a link to `#label`, whose
-- attributes name the page that has the label; each format adapts it.

local M = {}

local NBSP = "\u{a0}"
local links = require "links"
local kind_of = require("numbers").kind_of

-- `page` and `chapter` (whether the label belongs to a whole chapter) are for html.lua.
local function crossref(content, label, class)
  return pandoc.Link(content, "#" .. label.id, "", {
    class = class, page = label.page, chapter = label.chapter and "yes" or nil,
  })
end

local function reference(citation, labels)
  local label = labels[citation.id]
  if not label then return pandoc.Str("@" .. citation.id) end -- check.py reports it
  local text = pandoc.Inlines { pandoc.Str(label.text) }
  if citation.mode == "SuppressAuthor" then
    text = pandoc.Inlines { pandoc.Str(label.number) }
  elseif #citation.prefix > 0 then
    text = citation.prefix .. { pandoc.Str(NBSP .. label.number) }
  end
  return crossref(text, label, "crossref")
end

-- `[@fig-a; @fig-b]`: links with commas between them; nil for citations of the bibliography.
local function reference_list(cite, labels)
  local out = pandoc.Inlines {}
  for _, citation in ipairs(cite.citations) do
    if kind_of(citation.id) then
      if #out > 0 then out:extend { pandoc.Str(","), pandoc.Space() } end
      out:insert(reference(citation, labels))
      out:extend(citation.suffix)
    end
  end
  return #out > 0 and out or nil
end

-- A link within the book gets its page, or its file, as an attribute. One such as
-- `[word](glossary.qmd#gl-word)` leads to a term's explanation.
local function inner_link(link, chapter, pages)
  local page, place = links.resolve(link.target, chapter.page, pages)
  if page then
    local title = pages[page].title or ""
    local id = place ~= "" and place or title
    local label = { id = id, page = page, chapter = id == title }
    local out = crossref(link.content, label, link.target:match("%.qmd#") and "term")
    out.identifier, out.title = link.identifier, link.title
    return out
  end
  link.attributes.file = place
  return link
end

-- Collect what a chapter refers to and cites, and whether it contains the list of references.
function M.collect(chapter)
  local results = chapter.results
  chapter.blocks:walk {
    Cite = function(cite)
      for _, citation in ipairs(cite.citations) do
        local list = kind_of(citation.id) and results.refs or results.cites
        if not list:includes(citation.id) then list:insert(citation.id) end
      end
    end,
    Div = function(div) results.has_list = results.has_list or div.identifier == "refs" end,
  }
  results.cites:sort()
end

-- Turn a chapter's references into links.
function M.resolve(chapter, labels, pages)
  chapter.blocks = chapter.blocks:walk {
    Link = function(link) return inner_link(link, chapter, pages) end,
  }:walk {
    Cite = function(cite) return reference_list(cite, labels) end,
  }
end

-- All citations of the book as pandoc's `nocite`: works to list without citing them.
local function nocite(chapters)
  local out = pandoc.Inlines {}
  for _, chapter in ipairs(chapters) do
    for _, key in ipairs(chapter.results.cites) do
      out:insert(pandoc.Cite({}, { pandoc.Citation(key, "NormalCitation") }))
    end
  end
  return pandoc.MetaInlines(out)
end

-- Write the citations of some chapters as author and date, and the list of references. All
-- citations of the book count: letters that tell apart two works of one author and year must be
-- the same in every chapter.
function M.cite(job, chapters)
  local with_list = job.chapters:find_if(function(chapter) return chapter.results.has_list end)
  job.references = with_list and with_list.page
  local divs = chapters:map(function(chapter) return pandoc.Div(chapter.blocks) end)
  local doc = pandoc.Pandoc(divs, {
    bibliography = job.bibliography, lang = job.lang, ["link-citations"] = job.references ~= nil,
    nocite = nocite(job.chapters),
  })
  -- it only warns of citations without an entry, and check.py reports those with their lines
  local _, cited = pandoc.log.silence(function() return pandoc.utils.citeproc(doc) end)
  for n, chapter in ipairs(chapters) do chapter.blocks = cited.blocks[n].content end
  job.entries = {}
  cited:walk { Div = function(div) job.entries[div.identifier] = div end }
end

return M
