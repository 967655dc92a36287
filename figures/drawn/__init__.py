"""The chapter's nine diagrams, as SVG files and the code that draws them."""
