"""The book's data: `python -m data.prepare` makes them; `README.md` is their datasheet."""
