"""Quarto's theme and filters, and the scripts that it runs before and after rendering."""
