"""List the commands that pandoc's TeX reader knows, from the source of its library texmath.

`python list_commands.py TEXMATH > commands.txt`, with the folder of the version in the pinned
pandoc. Each line has a kind and its commands; test_formulas.py tries them all.
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

RECORD = re.compile(r"Record \{uchar = '.*?', commands = \[(.*?)\], category = (\w+)")
PAIR = re.compile(r'\("[^"]*","((?:[^"\\]|\\.)*)"\)')
OVERRIDE = re.compile(r'\("\\(\\(?:[A-Za-z]+|.))",\s*E(?:Symbol )?(\w+)')
KINDS = {"Accent": "over", "TOver": "over", "TUnder": "over", "Rad": "root", "Space": "space"}
NAME = re.compile(r"\\([A-Za-z]+|[ !,:;>^|#$%&_{}])")


def symbols(sources: Path) -> dict[str, str]:
    """Return the commands for one character or space, with their kinds."""
    kinds = {}
    for pairs, category in RECORD.findall((sources / "Unicode/ToTeX.hs").read_text("utf-8")):
        for command in PAIR.findall(pairs):
            kinds[command.replace("\\\\", "\\")] = KINDS.get(category, "symbol")
    for command, category in OVERRIDE.findall(_table(sources, "symbolMapOverrides")):
        kinds[command] = KINDS.get(category, "symbol")
    return {command: kind for command, kind in kinds.items() if NAME.fullmatch(command)}


def _table(sources: Path, name: str) -> str:
    text = (sources / "Readers/TeX/Commands.hs").read_text("utf-8")
    return text.partition(f"\n{name} =")[2].partition("\n  ]\n")[0]


def names(text: str, pattern: str) -> list[str]:
    """Return the commands that a pattern finds in Haskell source."""
    return [f"\\{name}" for name in re.findall(pattern, text)]


def main(texmath: Path) -> None:
    """Print the commands by kind."""
    sources = texmath / "src/Text/TeXMath"
    reader = (sources / "Readers/TeX.hs").read_text("utf-8")
    commands = (sources / "Readers/TeX/Commands.hs").read_text("utf-8")
    kinds = symbols(sources)
    kinds |= dict.fromkeys(names(_table(sources, "siUnitMap"), r'\("(\w+)"'), "unit")
    structures = names(reader, r'"\\\\([A-Za-z]+)"') + names(reader, r'ctrlseq "([A-Za-z]+)"')
    structures += names(commands, r'\("\\\\((?:math|sym|bm|bold|pmb|text|mbox)\w*)",\s*\(?EText')
    structures += names(commands, r'\("\\\\(\w+)",\s*EStyled')
    structures += names((sources / "Shared.hs").read_text("utf-8"), r'\("\\\\([bB]igg?[lr]?)"')
    kinds |= dict.fromkeys(structures, "structure")
    environments = reader.partition("\nenvironments =")[2].partition("\n  ]\n")[0]
    for kind in ("symbol", "space", "over", "root", "unit", "structure"):
        print(_wrapped(kind, sorted(name for name, each in kinds.items() if each == kind)))
    print(_wrapped("environment", sorted(re.findall(r'\("(\w+)",', environments))))


def _wrapped(kind: str, commands: list[str]) -> str:
    lines = textwrap.wrap(" ".join(commands), 99 - len(kind), break_on_hyphens=False)
    return "\n".join(f"{kind} {line}" for line in lines)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
