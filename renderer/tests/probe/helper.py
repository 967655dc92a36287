"""A module of the project that a cell imports."""

FACTOR = 2
