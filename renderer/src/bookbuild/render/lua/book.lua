-- Render chapters in one pandoc process: `pandoc lua book.lua` reads a job as JSON from standard
-- input and writes the results as JSON to standard output. Without `formats` it only finds what
-- other chapters need of these.
--
-- The job has `chapters` (text, description, number, label, kind, page, to_root, folder),
-- `formats`, `bibliography`, `lang` and `site_url`; render/pandoc.py writes it and reads the
-- results. Each chapter gets what RESULTS lists and, if no chapter has a problem or `is_faulty`
-- (has one that Python knows), `texts` by format and `titles`. A chapter may bring `before`, some
-- of its previous results. If it `is_as_before`, and so is all that it uses of other chapters, its
-- previous texts are still valid, and its result is `false`.

package.path = pandoc.path.directory(PANDOC_SCRIPT_FILE or arg[0]) .. "/?.lua;" .. package.path
local inlines = require "inlines"
local references = require "references"
local structure = require "structure"
local survey = require "survey"
local writers = { html = require "html", typst = require "typst", notebook = require "notebook" }

local RESULTS = {
  "labels", "toc", "pictures", "scripts", "refs", "links", "ids", "cites", "raw", "examples",
  "lists", "problems",
}

-- Prepare a chapter to collect results. A problem names its line, or a token to search for.
local function prepare(chapter)
  chapter.results = { texts = {}, titles = {}, has_list = false }
  for _, name in ipairs(RESULTS) do chapter.results[name] = pandoc.List {} end
  function chapter.problem(token, message, line)
    chapter.results.problems:insert { token = token, message = message, line = line }
  end
end

-- Run `action`, and turn pandoc's warnings into problems of the chapter.
local function with_warnings(chapter, action)
  local messages, result = pandoc.log.silence(action)
  for _, message in ipairs(messages) do
    local warning = pandoc.json.decode(pandoc.json.encode(message), false)
    -- structure.lua prevents fetching, and check.py judges HTML that asks for it
    if warning.verbosity ~= "INFO" and warning.type ~= "CouldNotFetchResource" then
      local is_tex = warning.type == "CouldNotConvertTeXMath"
      local reason = is_tex and warning.pretty:match("\n *(unexpected[^\n]*)")
      chapter.problem(
        is_tex and warning.contents:match("[^\n]+") or nil,
        reason and "this formula is not supported: " .. reason or "pandoc: " .. warning.pretty,
        warning.line or (warning.openpos or {}).line
      )
    end
  end
  return result
end

local function read(chapter)
  prepare(chapter)
  chapter.blocks = with_warnings(chapter, function()
    return structure.arrange(structure.read(chapter.text), chapter)
  end)
  references.collect(chapter)
  local results = chapter.results -- of these, the following can change the text of other chapters
  survey.survey(chapter.blocks, results)
  local description = structure.read(chapter.description)
  results.description = inlines.plain(pandoc.utils.blocks_to_inlines(description))
  results.seen = pandoc.json.encode {
    results.labels, results.cites, results.has_list, results.id or "", results.ids,
  }
end

-- Read the chapters that have changed, and the others too if that affects them; return those that
-- were read.
local function read_changed(chapters)
  local changed = chapters:filter(function(chapter) return not chapter.is_as_before end)
  changed:map(read)
  local affects_others = changed:find_if(function(chapter)
    return not chapter.before or chapter.before.seen ~= chapter.results.seen
  end)
  for _, chapter in ipairs(chapters) do
    if affects_others and chapter.is_as_before then read(chapter) end
    chapter.results = chapter.results or chapter.before
  end
  return affects_others and chapters or changed
end

local function labels_by_id(chapters)
  local labels = {}
  for _, chapter in ipairs(chapters) do
    for _, label in ipairs(chapter.results.labels) do
      label.page = chapter.page
      labels[label.id] = label
    end
  end
  return labels
end

-- Give each id a label of its own in the PDF, where all chapters are one document.
local function pdf_labels(chapters)
  local pages, count = {}, {}
  for _, chapter in ipairs(chapters) do
    local labels = {}
    for _, each in ipairs(chapter.results.ids) do
      if (each.only or "typst") == "typst" and not labels[each.id] then
        count[each.id] = (count[each.id] or 0) + 1
        labels[each.id] = each.id .. (count[each.id] > 1 and ":" .. count[each.id] or "")
      end
    end
    pages[chapter.page] = { title = chapter.results.id, labels = labels }
  end
  return pages
end

local function write(job, chapters)
  references.cite(job, chapters)
  for _, chapter in ipairs(chapters) do
    for _, format in ipairs(job.formats) do
      chapter.results.texts[format] = with_warnings(chapter, function()
        local blocks = structure.shown_in(format, chapter.blocks, chapter.text)
        return writers[format](blocks, chapter, job)
      end)
    end
  end
end

local function render(job)
  job.chapters = pandoc.List(job.chapters)
  local chapters = read_changed(job.chapters)
  local function answers()
    return job.chapters:map(function(each) return each.blocks and each.results or false end)
  end
  if #job.formats == 0 then return answers() end
  local labels = labels_by_id(job.chapters)
  job.pages = pdf_labels(job.chapters)
  for _, chapter in ipairs(chapters) do references.resolve(chapter, labels, job.pages) end
  local faulty = job.chapters:find_if(function(chapter)
    return chapter.is_faulty or #(chapter.results.problems or {}) > 0
  end)
  if not faulty then write(job, chapters) end
  return answers()
end

io.write(pandoc.json.encode(render(pandoc.json.decode(io.read("a"), false))))
