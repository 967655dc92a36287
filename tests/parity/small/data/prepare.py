"""quarto/pre_render.py prepares the data first; the small book has none."""
