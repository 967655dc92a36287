"""The chapter's eight diagrams, as SVG files and the code that draws them."""
