"""How fast the book is built, and how its helpers compare with the obvious way of doing the same.

`make bench`, or `python -m benchmarks NAME…`. Both sides of a ratio are measured in the same run:
ratios can be compared between machines, seconds cannot. Nothing here is a test.
"""
