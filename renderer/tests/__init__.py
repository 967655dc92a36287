"""Tests of bookbuild. They build small books of their own and need no other book."""
