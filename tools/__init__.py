"""What a maintainer runs beside the build: `make verify`, `make expected`, `make quarto-facts`, …."""
