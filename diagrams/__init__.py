"""The chapter's six diagrams: SVG files, and the code that computes and draws them."""
