"""The live figures: their scripts, and the Python code for their data and static pictures."""
