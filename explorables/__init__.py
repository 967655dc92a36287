"""The live figures: their scripts, and what the cells give them to compute with."""
