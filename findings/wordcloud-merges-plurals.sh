#!/usr/bin/env bash
# wordcloud: a word is counted together with anything that looks like its plural.
#
# Expected: process_text counts film and films separately.
# Actual:   a final s is stripped, so film and films become one entry under the singular, and so
#           do new and news. Pass normalize_plurals=False.
# Output:   {'film': 3, 'new': 3} {'film': 1, 'films': 2, 'new': 1, 'news': 2}
# Version:  wordcloud 1.9.6; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet wordcloud==1.9.6
venv/bin/python - <<'EOF'
from wordcloud import WordCloud

text = "film films films new news news"


def counted(**options):
    counts = WordCloud(collocations=False, **options).process_text(text)
    return dict(sorted(counts.items()))


print(counted(), counted(normalize_plurals=False))
assert counted() == {"film": 3, "new": 3}
assert counted(normalize_plurals=False) == {"film": 1, "films": 2, "new": 1, "news": 2}
EOF
