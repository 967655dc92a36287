"""Turn executed chapters into HTML, Typst and notebook text with pandoc, and check them."""
