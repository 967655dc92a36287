"""Execute cells, clean their outputs and cache the results."""
