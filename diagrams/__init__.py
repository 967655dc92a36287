"""The chapter's eight diagrams: SVG files, and the code that computes and draws them."""
