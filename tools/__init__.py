"""What a maintainer runs beside the build: `make verify`, `expected`, `tokens`, `quarto-facts`."""
