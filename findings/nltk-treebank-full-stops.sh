#!/usr/bin/env bash
# NLTK: the Treebank tokenisers split off a full stop only at the end of the text.
#
# Expected: in two sentences, both full stops are tokens.
# Actual:   only the last one is, so in a review "film." and "film" are different words. Split the
#           text into sentences first.
# Output:   ['A', 'good', 'film.', 'I', 'like', 'it', '.']
# Version:  nltk 3.10.4; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet nltk==3.10.4
venv/bin/python - <<'EOF'
from nltk.tokenize import NLTKWordTokenizer, TreebankWordTokenizer, wordpunct_tokenize

text = "A good film. I like it."
for tokenizer in (TreebankWordTokenizer(), NLTKWordTokenizer()):
    tokens = tokenizer.tokenize(text)
    print(tokens)
    assert tokens == ["A", "good", "film.", "I", "like", "it", "."]
assert wordpunct_tokenize(text).count(".") == 2
EOF
