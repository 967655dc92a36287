#!/usr/bin/env bash
# NLTK: the Treebank tokenisers leave a full stop on its word, except at the end of the text.
#
# Guess:   in two sentences, both full stops are tokens.
# Seen:    only the last one is. In a review, film. and film are therefore two words. The text
#          has to be split into sentences first.
# Output:  ['A', 'good', 'film.', 'I', 'like', 'it', '.']
# Version: nltk 3.10.4; Python 3.11, Linux, 2026-11-30.
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
