"""Benchmarks of the build, and of the helpers against the obvious alternatives: `make bench`.

`python -m tools.bench NAME…` runs single subjects. Both sides of a ratio are measured in the same
run: ratios can be compared between machines, seconds cannot.
"""
