"""The book's figures: diagrams drawn by code, and figures that compute in the page."""
