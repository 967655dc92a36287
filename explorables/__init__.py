"""The book's live figures: a script for each, and the Python that gives it data and a picture."""
