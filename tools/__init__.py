"""Maintainers' commands, each run by the Makefile task of the same name."""
