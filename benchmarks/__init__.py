"""How fast the book is built, and how fast its helpers are against the obvious way of doing it.

`make bench`, or `python -m benchmarks NAME…`. Each ratio is of two things measured in the same
run, so that it can be compared between machines; seconds alone cannot. Nothing here is a test.
"""
