"""The built-in renderer: .qmd chapters to executed notebooks, a website and a PDF.

It knows nothing of what the chapters are about. `python -m bookbuild` is its command line.
"""
