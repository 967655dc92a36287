"""Write what readers get: pages, search index, PDF, notebooks, kit and plain text."""
