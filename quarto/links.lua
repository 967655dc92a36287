-- For Quarto's PDF: one document has no page `glossary.qmd`, so what links there is plain text.
function Link(link)
  if link.target:match("%.qmd#") then return link.content end
end
