-- The whole book in one pandoc: `pandoc lua book.lua` reads a job as JSON from standard input and
-- writes what it found, and each chapter in each format, as JSON to standard output.
--
-- The job has `chapters` (text, number, kind, page, to_root, folder), `formats`, `bibliography`
-- and `lang`; bookbuild/render.py writes it and reads the answer.

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

local function read(chapter)
  chapter.found = structure.nothing_found()
  chapter.blocks = noting_warnings(chapter.found, function()
    return structure.arrange(pandoc.read(chapter.text, READER).blocks, chapter)
  end)
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

local function write(job)
  references.cite(job)
  for _, chapter in ipairs(job.chapters) do
    for _, format in ipairs(job.formats) do
      chapter.found.texts[format] = noting_warnings(chapter.found, function()
        return writers[format](structure.shown_in(format, chapter.blocks, chapter), chapter, job)
      end)
    end
  end
end

local function answer(job)
  local chapters = pandoc.List(job.chapters)
  chapters:map(read)
  local labels = all_labels(chapters)
  for _, chapter in ipairs(chapters) do references.resolve(chapter, labels) end
  local is_sound = not chapters:find_if(function(chapter) return #chapter.found.problems > 0 end)
  if is_sound then write(job) end
  return chapters:map(function(chapter) return chapter.found end)
end

io.write(pandoc.json.encode(answer(pandoc.json.decode(io.read("a"), false))))
