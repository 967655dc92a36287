-- The whole book in one pandoc: `pandoc lua book.lua` reads a job as JSON from standard input and
-- writes what it found, and each chapter in each format, as JSON to standard output.
--
-- The job has `chapters` (text, number, kind, page, to_root, folder), `formats`, `bibliography`
-- and `lang`; bookbuild/render.py writes it and reads the answer. A chapter may have `before`, some
-- of what was found in it the last time. If it `is_as_before`, and so is all that it sees of the
-- others, its last texts still hold, and the answer has `false` in its place.

package.path = pandoc.path.directory(PANDOC_SCRIPT_FILE or arg[0]) .. "/?.lua;" .. package.path
local structure = require "structure"
local references = require "references"
local writers = { html = require "html", typst = require "typst", notebook = require "notebook" }

local READER = "markdown-implicit_header_references-yaml_metadata_block"

-- Run `action`; what pandoc warns of meanwhile becomes the chapter's problems.
local function noting_warnings(found, action)
  local messages, result = pandoc.log.silence(action)
  for _, message in ipairs(messages) do
    local told = pandoc.json.decode(pandoc.json.encode(message), false)
    if told.verbosity ~= "INFO" then
      found.problems:insert {
        message = "pandoc: " .. told.pretty, line = told.line or (told.openpos or {}).line,
        token = told.type == "CouldNotConvertTeXMath" and told.contents:match("[^\n]+") or nil,
      }
    end
  end
  return result
end

-- What the other chapters see of one, as a text.
local function seen_by_others(found)
  local cites = pandoc.List {}
  for _, key in ipairs(found.cites) do
    if not cites:includes(key) then cites:insert(key) end
  end
  cites:sort()
  return pandoc.json.encode { found.labels, cites, found.has_list }
end

local function read(chapter)
  chapter.found = structure.nothing_found()
  chapter.blocks = noting_warnings(chapter.found, function()
    return structure.arrange(pandoc.read(chapter.text, READER).blocks, chapter)
  end)
  references.note(chapter)
  chapter.found.seen = seen_by_others(chapter.found)
end

-- Read what has changed, and all the rest if others see a change in it; return what was read.
local function read_what_must_be(chapters)
  local changed, rest = pandoc.List {}, pandoc.List {}
  for _, chapter in ipairs(chapters) do (chapter.is_as_before and rest or changed):insert(chapter) end
  changed:map(read)
  if changed:find_if(function(c) return not c.before or c.before.seen ~= c.found.seen end) then
    rest:map(read)
    return chapters
  end
  rest:map(function(chapter) chapter.found = chapter.before end)
  return changed
end

local function all_labels(chapters)
  local labels = {}
  for _, chapter in ipairs(chapters) do
    for _, label in ipairs(chapter.found.labels) do
      label.page = chapter.page
      labels[label.id] = label
    end
  end
  return labels
end

local function write(job, chapters)
  references.cite(job, chapters)
  for _, chapter in ipairs(chapters) do
    for _, format in ipairs(job.formats) do
      chapter.found.texts[format] = noting_warnings(chapter.found, function()
        return writers[format](structure.shown_in(format, chapter.blocks, chapter), chapter, job)
      end)
    end
  end
end

local function answer(job)
  job.chapters = pandoc.List(job.chapters)
  local chapters = read_what_must_be(job.chapters)
  local labels = all_labels(job.chapters)
  for _, chapter in ipairs(chapters) do references.resolve(chapter, labels) end
  local is_sound = not chapters:find_if(function(chapter) return #chapter.found.problems > 0 end)
  if is_sound then write(job, chapters) end
  return job.chapters:map(function(chapter) return chapter.blocks and chapter.found or false end)
end

io.write(pandoc.json.encode(answer(pandoc.json.decode(io.read("a"), false))))
