-- Resolve authors' links: to a page of the book, perhaps with an id, or to a file.

local M = {}

local function decode(path)
  return (path:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- Return a relative path as one from the site's root.
local function from_root(page, path)
  local parts = pandoc.List {}
  local folder = path:match("^/") and "" or page:match("^.*/") or ""
  for part in (folder .. path):gmatch("[^/]+") do
    if part == ".." then parts:remove() elseif part ~= "." then parts:insert(part) end
  end
  return table.concat(parts, "/")
end

-- Return the page and the id that a link leads to, or nil and a file; nil for other addresses.
-- check.py does the same for its messages.
function M.resolve(target, page, pages)
  if target:match("^%a[%w+.-]+:") or target:match("^//") then return nil end
  local path, id = target:match("^([^#]*)#?(.*)$")
  path = decode(path:match("^[^?]*"))
  if path == "" then return page, decode(id) end
  local file = from_root(page, path)
  local other = file == "" and "index.html" or file:gsub("%.qmd$", ".html")
  if pages[other] then return other, decode(id) end
  return nil, file
end

local function address(site_url, path)
  return site_url .. "/" .. path:gsub("[^%w/._~-]", function(character)
    return ("%%%02X"):format(character:byte())
  end)
end

-- Return a link to a file as print and notebooks need it: to its web address, else its path.
function M.to_web(link, site_url)
  local file = link.attributes.file
  link.attributes = {}
  if site_url ~= "" then
    link.target = address(site_url, file)
    return link
  end
  local where = pandoc.Str("on the book’s website")
  return link.content .. pandoc.Inlines {
    pandoc.Space(), pandoc.Str("("), pandoc.Code(file), pandoc.Space(), where, pandoc.Str(")"),
  }
end

-- Let the links and pictures of raw HTML lead to the web.
function M.html_to_web(html, chapter, job)
  return (html:gsub('( %l+=")([^"]*)', function(opening, target)
    if opening ~= ' href="' and opening ~= ' src="' then return nil end
    local page, place = M.resolve(target, chapter.page, job.pages)
    local anchor = page and place ~= "" and "#" .. place or ""
    return place and opening .. address(job.site_url, page or place) .. anchor
  end))
end

return M
