"""What the tests share: books to build, the reading of pages, contrast, and programs."""
