"""Check .bib files for what pandoc's citations would lose or change without a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

ENTRY = re.compile(r"^[ \t]*@(\w+)\s*[{(]\s*([^,\s{}()]*)", re.MULTILINE)
NO_ENTRY = ("comment", "preamble", "string")
FIELD = re.compile(r"\s*,\s*([\w-]+)\s*=\s*")
PIECE = re.compile(r'(?P<opening>[{"])|(?P<bare>[\w.:/-]+)')  # of a value: {a} # "b" # 2000
JOINT = re.compile(r"\s*#\s*")
INNER = re.compile(r"\{(?:[^{}]|\{[^{}]*\})*\}")

TITLES = ("title", "subtitle", "booktitle", "maintitle", "series")
JOURNALS = ("journal", "journaltitle")
# In a title: capitals with full stops or, except the article A, alone.
CAPITALS = re.compile(
    r"(?:(?<=[^:]\s)|^(?=..\w\.))(?:[A-Z]\.)+(?![a-z])|(?<=[^:]\s)[B-Z](?=[\s,:;?]|$)", re.MULTILINE
)
SHORTENED = re.compile(r"\w+\.\s+(?:of|on|the|in|and|for|to|with|from|at|by|an?)\b")
ORGANISATION = re.compile(
    r"\b(?:teams?|inc|ltd|corp|corporation|gmbh|university|institute|foundation|organi[sz]ation"
    r"|association|society|committee|consortium|collaboration|laborator(?:y|ies)|department"
    r"|ministry|bureau|agency|office|council|press|project|group|developers|contributors|research"
    r"|library|museum|archives?|centre|center|academy|union|company|nations)\b|^the\b",
    re.IGNORECASE,
)


@dataclass
class Entry:
    """One entry of a .bib file, with its line and the name, value and line of each field."""

    key: str
    line: int
    fields: list[tuple[str, str, int]] = field(default_factory=list)


def problems(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines and messages of all mistakes in a .bib file."""
    keys: dict[str, int] = {}
    for entry in entries(text):
        if entry.key in keys:
            yield entry.line, f"the key `{entry.key}` is also in line {keys[entry.key]}; rename one"
        keys.setdefault(entry.key, entry.line)
        names: set[str] = set()
        for name, value, line in entry.fields:
            messages = ["is set twice; remove one"] if name in names else _of_field(name, value)
            yield from ((line, f"{entry.key}: `{name}` {message}") for message in messages)
            names.add(name)


def entries(text: str) -> Iterator[Entry]:
    """Yield the entries of a .bib file."""
    for match in ENTRY.finditer(text):
        if match[1].lower() in NO_ENTRY:
            continue
        entry, at = Entry(match[2], text.count("\n", 0, match.end()) + 1), match.end()
        while found := FIELD.match(text, at):
            value, at = _value(text, found.end())
            line = text.count("\n", 0, found.start(1)) + 1
            entry.fields.append((found[1].lower(), " ".join(value.split()), line))
        yield entry


def _value(text: str, at: int) -> tuple[str, int]:
    """Return the value that begins at a position, and the position after it."""
    value = ""
    while piece := PIECE.match(text, at):
        end = _closing(text, at) if piece["opening"] else piece.end()
        value += text[at + 1 : end] if piece["opening"] else piece["bare"]
        at = end + 1 if piece["opening"] else end
        joint = JOINT.match(text, at)
        if not joint:
            break
        at = joint.end()
    return value, at


def _closing(text: str, start: int) -> int:
    """Return the position of the brace or quotation mark that closes the one at `start`."""
    depth, closing = 0, "}" if text[start] == "{" else '"'
    for mark in re.compile(r'\\.|[{}"]', re.DOTALL).finditer(text, start + 1):
        if depth == 0 and mark[0] == closing:
            return mark.start()
        depth += {"{": 1, "}": -1}.get(mark[0], 0)
    return len(text)


def _of_field(name: str, value: str) -> Iterator[str]:
    plain = INNER.sub("·", value)  # letters in braces are as the author wants them
    if name == "doi" and not value.startswith("10."):
        yield f"must be the DOI alone, such as 10.1000/182, not {value[:60]}"
    if name in ("eid", "articleno"):
        yield "is not printed: write it as `pages`"
    if name == "howpublished" and re.match(r"\\url|https?:", value):
        yield "with an address is printed with a capital letter: write it as `url`"
    if name == "url" and not re.match(r"https?:", value):
        yield "must be the address alone, without a command"
    if name in TITLES and (found := CAPITALS.search(plain)):
        yield f"is printed with a small letter for {found[0]}: write {{{found[0]}}}"
    elif name in (*TITLES, *JOURNALS) and (found := SHORTENED.search(plain)):
        yield f"has an abbreviation, after which a capital is printed: write out {found[0]}"
    if name in ("author", "editor"):
        yield from _of_names(name, re.split(r"\s+and\s+", INNER.sub(_protected, value)))


def _protected(braces: re.Match[str]) -> str:
    """Return text in braces as one word without a space."""
    return re.sub(r"\s", "·", braces[0])


def _of_names(field_name: str, names: list[str]) -> Iterator[str]:
    for name in names:
        words, shown = name.split(), name.replace("·", " ")
        is_one = "," not in name and len(words) > 1
        if is_one and (ORGANISATION.search(INNER.sub("", name)) or words[-1][0].islower()):
            advice = f"write {{{shown}}} for an organisation, Family, Given for a person"
            yield f"takes {shown} for a person: {advice}"
            return
    cited = names if len(names) < 3 else names[:1]  # others are "et al."
    for name in cited if field_name == "author" else ():
        family, comma, given = name.partition(",")
        words = (family if comma else name).split()
        first = next((n for n, word in enumerate(words[:-1]) if word[0].islower()), None)
        if first is not None:
            whole, rest = " ".join(words[first:]), given.strip() or " ".join(words[:first])
            message = f"{name} would be cited as {words[-1]}"
            yield f"has a prefix, and {message}: write {{{whole}}}, {rest}"
