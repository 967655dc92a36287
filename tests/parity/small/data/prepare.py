"""quarto/before.py prepares the data first; the small book has none."""
