-- For Quarto's pages: a table is as wide as its contents, and scrolls where the page is narrower.
function Table(table)
  table.colspecs = table.colspecs:map(function(column) return { column[1], nil } end)
  return pandoc.Div(table, { class = "table-wrap" })
end

-- Hidden cells are for the notebook.
function Div(div)
  if div.classes:includes("cell") and div.classes:includes("hidden") then return {} end
end
