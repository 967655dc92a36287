-- For Quarto's pages: a table is as wide as what it holds, and scrolls where the page is narrower.
function Table(table)
  table.colspecs = table.colspecs:map(function(column) return { column[1], nil } end)
  return pandoc.Div(table, { class = "table-wrap" })
end
