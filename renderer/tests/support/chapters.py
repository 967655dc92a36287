"""Random chapters of supported syntax, in which no word occurs twice.

Each word of a chapter is a marker: if each occurs once in every output, nothing is lost or doubled.
The same seed generates the same chapter.
"""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

ALPHABET = "aceghkmnoprsuvw"  # no ligatures, and no letters of `zq`
Shown = tuple[int, int, int]  # how often on the page, in the PDF and in the notebook
EVERYWHERE, PAGES, PAPER, NOWHERE, CODE = (1, 1, 1), (1, 0, 1), (0, 1, 0), (0, 0, 0), (0, 0, 1)

THEOREMS = {"thm": "Theorem", "lem": "Lemma", "def": "Definition", "exm": "Example"}
NAMES = {"fig": "Figure", "tbl": "Table", "eq": "Equation", "lst": "Listing", **THEOREMS}
PICTURE = "p.svg"
WORKS = """
@book{doe, title = {T}, author = {Doe, Jane}, year = 2020}
@book{roe, title = {R}, author = {Roe, Jim}, year = 2021}
"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="40"><circle r="30"/></svg>'

MARKS = re.findall(
    r"\S+", r"\# \$ \* \_ < \\ \@ \[ & \~ = -- ... /\* // 's : + - % \` { } é “ 100% ( ?!"
)
CODES = ["{}", "#{}", "{}[0]*", "<{}>", "$ {}", "_{}_", "{}.", "-- {}", "'{}'"]
FORMULAS = [r"$\text{{{}}}$", r"$x_{{\text{{{}}}}}$", r"$\frac{{a}}{{\text{{{}}}}}$"]
SPANS = {
    "emph": "*{}*", "strong": "**{}**", "strike": "~~{}~~", "underline": "[{}]{{.underline}}",
    "small": "[{}]{{.smallcaps}}", "mark": "[{}]{{.mark}}", "lang": "[{}]{{lang=de}}",
}  # fmt: skip
ATTACHED = ["{}~{}~", "{}^{}^", "{}*{}*", "**{}**{}", "[{}]{{.mark}}{}", "{}`{}`", "{}\\ {}"]
ADDRESSES = ["https://example.org/a_b~c#d", "../index.html", "https://a.b/%20"]
CITATIONS = {
    "[@doe]": "(Doe 2020)", "@roe": "Roe (2021)", "[-@doe]": "(2020)",
    "[@doe; @roe]": "(Doe 2020; Roe 2021)", "[see @doe, p. 3]": "(see Doe 2020, 3)",
}  # fmt: skip
LINES = ["{} = 1", "# {}", "    {}(x)", '"{}"', "{} " * 30, "{}: `$`"]
FENCES = ["```\n{}\n```", "```python\n{}\n```", "~~~{{.r}}\n{}\n~~~"]
PRINTS = [
    'print({}.replace("|", ""))',
    'print({}.replace("|", "").replace(" ", chr(10)))',
    'import sys\nprint({}.replace("|", ""), file=sys.stderr)',
    'from IPython.display import Markdown\nMarkdown({}.replace("|", "").replace(" ", chr(10) * 2))',
]


@dataclass
class Facts:
    """What the outputs of a chapter must contain."""

    words: dict[str, Shown] = field(default_factory=dict)
    repeated: set[str] = field(default_factory=set)  # words that a PDF may repeat: titles, heads
    alternatives: dict[str, Shown] = field(default_factory=dict)  # words in alt texts
    between: dict[str, str] = field(default_factory=dict)  # text after a word and before a comma
    before: dict[str, str] = field(default_factory=dict)  # text just before a word


def _in_pieces(word: str) -> str:
    """Return an expression that evaluates to a word without containing it."""
    return f"{word[:3]!r} + {word[3:]!r}"


class Chapter:
    """One random chapter: its blocks, and what its outputs must contain."""

    def __init__(self, number: int, seed: int, size: int = 14) -> None:
        self.number, self.random, self.facts = number, random.Random(f"{number} {seed}"), Facts()
        self.count, self.counts = 0, Counter[str]()
        self.labels: dict[str, str] = {}
        self.sections: list[int] = []
        self.level, self.notes = 0, list[str]()
        self.shown, self.within = EVERYWHERE, frozenset[str]()
        title = f"# {self._repeated(self.word())} {{#sec-{number}}}"
        blocks = [*(self._top() for _ in range(size)), self._cell(0)]
        references = [self._reference(*label) for label in self.labels.items()]
        self.text = "\n\n".join([title, *blocks, *references]) + "\n"

    def _any(self, choices: list) -> object:
        return self.random.choice(choices)

    def _chance(self, share: float) -> bool:
        return self.random.random() < share

    @contextmanager
    def _in(self, *kinds: str, shown: Shown | None = None) -> Iterator[None]:
        before = self.within, self.shown
        self.within, self.shown = self.within | {*kinds}, shown or self.shown
        yield
        self.within, self.shown = before

    # Words, and what is expected of them

    def word(self) -> str:
        """Return a new word, whose digit prevents hyphenation."""
        n, self.count = self.count, self.count + 1
        digits = (n // 225, n // 15 % 15, n % 15)
        word = f"zq{self.number}" + "".join(ALPHABET[digit] for digit in digits)
        self.facts.words[word] = self.shown
        return word

    def _words(self, form: str) -> str:
        return form.format(*(self.word() for _ in range(form.count("{}"))))

    def _alternative(self) -> str:
        word = self.word()
        self.facts.alternatives[word] = self.facts.words.pop(word)
        return word

    def _repeated(self, text: str) -> str:
        words = self.facts.words
        self.facts.repeated |= {w for w in words if w in text or _in_pieces(w) in text}
        return text

    def _numbered(self, number: str, text: str) -> str:
        """Return text that begins with a word; in outputs, the number must precede it."""
        self.facts.before[text.split()[0]] = number
        return text

    def _label(self, kind: str) -> str:
        self.counts[kind] += 1
        label = f"{kind}-{self.number}-{self.counts[kind]}"
        self.labels[label] = f"{NAMES[kind]} {self.number}.{self.counts[kind]}"
        return label

    def _caption(self, label: str, *within: str) -> str:
        return self._numbered(f"{self.labels[label]}:", self._short(*within))

    def _reference(self, label: str, text: str) -> str:
        before = self.word()
        self.facts.between[before] = text
        return f"{before} {self._any(['@{}', '[@{}]']).format(label)}, {self.word()}."

    # Inlines

    def _line(self, depth: int, longest: int = 2) -> str:
        """Return some inlines that begin and end with a word."""
        parts = [self.word()]
        for _ in range(self.random.randint(0, longest)):
            parts += [self._inline(depth), self.word() + self._any(["", ",", "."])]
        return " ".join(parts)

    def _short(self, *within: str) -> str:
        """Return inlines on one line, for places with restrictions."""
        with self._in("short", *within):
            return self._line(1, 1)

    def _inner(self, kind: str, depth: int) -> str:
        with self._in(kind):
            return self._line(depth + 1, 1)

    def _inline(self, depth: int) -> str:
        kinds = [self._special, self._code, self._formula, self._attached, self._value]
        if depth < 3 and "quoted" not in self.within:
            kinds += [self._span, self._span, self._link, self._citation, self._quotation]
            kinds += [self._note, self._long_note, self._visible]
        return self._any(kinds)(depth)

    def _special(self, depth: int) -> str:
        marks = MARKS if "short" in self.within else [*MARKS, "\\\n", "\n", r"\|"]
        if "quoted" in self.within:  # an attribute, whose backslashes are read twice
            marks = [mark for mark in MARKS if not set(mark) & {"\\", "'"}]
        return self.word() + self._any(marks) + self.word()

    def _code(self, depth: int) -> str:
        form = self._any(CODES)
        if "quoted" in self.within:  # in a cell's caption, between apostrophes
            form = form.replace("'", "")
        return f"`{self._words(form)}`"

    def _formula(self, depth: int) -> str:
        return self._words(self._any(FORMULAS))

    def _attached(self, depth: int) -> str:
        return self._words(self._any(ATTACHED))

    def _value(self, depth: int) -> str:
        word = self.word()
        is_text = self.within & {"quoted", "grid"}
        return word if is_text else f"`{{python}} {_in_pieces(word)}`"

    def _span(self, depth: int) -> str:
        kind = self._any([*SPANS])
        lines = {"strike", "underline"}  # an accessible PDF cannot have both
        if kind in self.within or (kind in lines and self.within & lines):
            return self.word()
        return SPANS[kind].format(self._inner(kind, depth))

    def _link(self, depth: int) -> str:
        if "link" in self.within:
            return self.word()
        if self._chance(0.2):
            return f"[{self._inner('link', depth)}]{{#t-{self.number}-{self.count}}}"
        return f"[{self._inner('link', depth)}]({self._any(ADDRESSES)})"

    def _citation(self, depth: int) -> str:
        before = self.word()
        if "link" in self.within:
            return before
        form, self.facts.between[before] = self._any([*CITATIONS.items()])
        return f"{before} {form}, {self.word()}"

    def _quotation(self, depth: int) -> str:
        if "quotation" in self.within:
            return self.word()
        return self._any(['"{}"', "'{}'"]).format(self._inner("quotation", depth))

    def _note(self, depth: int) -> str:
        if self.within & {"note", "short", "link"}:
            return self.word()
        return f"{self.word()}^[{self._inner('note', depth)}]"

    def _long_note(self, depth: int) -> str:
        if self.within & {"note", "short", "link"}:
            return self.word()
        name = f"n{self.number}-{self.count}"
        text = self._inner("note", depth).replace("\n", " ").replace("\\ ", " ")
        more = self._words("\n\n    {}\n\n    - {}") if self._chance(0.5) else ""
        self.notes.append(f"[^{name}]: {text}{more}")
        return f"{self.word()}[^{name}]"

    def _visible(self, depth: int) -> str:
        if self.within & {"visible", "short"}:
            return self.word()
        form, shown = self._any([("html", PAGES), ("pdf", PAPER)])
        with self._in(shown=shown):
            return f'[{self._inner("visible", depth)}]{{.content-visible when-format="{form}"}}'

    # Blocks

    def _top(self) -> str:
        """Return a block of the chapter itself, followed by the notes that it refers to."""
        kinds = [self._block] * 3 + [self._heading, self._listing, self._parts, self._annotated]
        text = self._any(kinds)(0)
        text, self.notes = "\n\n".join([text, *self.notes]), []
        return text

    def _block(self, depth: int) -> str:
        kinds = [
            self._paragraph, self._bullets, self._numbers, self._terms, self._quoted_blocks,
            self._code_block, self._table, self._table, self._grid, self._lines, self._equation,
            self._comment, self._rule, self._picture,
        ]  # fmt: skip
        if depth < 2:
            kinds += [self._callout, self._tabs, self._theorem, self._visible_blocks]
            kinds += [self._side_by_side, self._cell, self._captioned_cell]
        return self._any(kinds)(depth)

    def _blocks(self, depth: int, *within: str) -> str:
        with self._in(*within):
            return "\n\n".join(self._block(depth + 1) for _ in range(self.random.randint(1, 3)))

    def _div(self, depth: int, attributes: str, *blocks: str) -> str:
        colons = ":" * (6 - depth)
        text = "\n\n".join(block for block in blocks if block)
        return f"{colons} {{{attributes}}}\n\n{text}\n\n{colons}"

    def _paragraph(self, depth: int) -> str:
        return self._line(0, self._any([0, 3, 3, 40])) + "."

    def _heading(self, depth: int) -> str:
        self.level = level = self.random.randint(1, min(3, self.level + 1))
        marks, text = "#" * (level + 1), self._repeated(self._short())
        if self._chance(0.2):
            return f"{marks} {text} {{.unnumbered}}"
        self.sections = (self.sections + [0] * 3)[:level]
        self.sections[-1] += 1
        number = ".".join(map(str, [self.number, *self.sections]))
        label = f"sec-{self.number}-{self.count}"
        self.labels[label] = f"Section {number}"
        return f"{marks} {self._numbered(number, text)} {{#{label}}}"

    def _item(self, marker: str, depth: int, text: str) -> str:
        if depth < 2 and self._chance(0.3):
            kinds = [self._bullets, self._numbers, self._code_block, self._paragraph]
            text += "\n\n" + self._any(kinds)(depth + 1)
        return marker + text.replace("\n", "\n" + " " * len(marker))

    def _bullets(self, depth: int) -> str:
        items = [self._item("- ", depth, self._line(1)) for _ in range(self.random.randint(1, 4))]
        opening = f"{self.word()}:\n\n" if depth or self._chance(0.5) else ""
        return opening + self._any(["\n", "\n\n"]).join(items)

    def _numbers(self, depth: int) -> str:
        start, form = self._any([1, 1, 1, 3]), self._any(["{}.", "{}.", "{})", "({})"])
        numbers = list("abcdefgh" if self._chance(0.2) else "12345678")[start - 1 :]
        items = [
            self._item(f"{form.format(number)} ", depth, self._numbered(number, self._line(1)))
            for number in numbers[: self.random.randint(2, 4)]
        ]
        return f"{self.word()}:\n\n{self._any([chr(10), chr(10) * 2]).join(items)}\n\n{self.word()}"

    def _terms(self, depth: int) -> str:
        items = [
            f"{self._short()}\n{self._item(':   ', 2, self._line(1))}"
            for _ in range(self.random.randint(1, 3))
        ]
        return "\n\n".join(items)

    def _quoted_blocks(self, depth: int) -> str:
        text = self._line(1) if depth else f"{self._line(1)}\n\n{self._bullets(2)}"
        return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))

    def _code_block(self, depth: int) -> str:
        lines = [self._words(self._any(LINES)).rstrip() for _ in range(5)]
        return self._any(FENCES).format("\n".join(lines))

    def _table(self, depth: int) -> str:
        columns, rows = range(self.random.randint(1, 4)), self._any([1, 2, 5, 12])
        lines = [[self._repeated(self.word()) for _ in columns]]
        lines += [[self._any([":--", "--:", ":-:", "---"]) for _ in columns]]
        lines += [
            [self._short() if self._chance(0.8) else "" for _ in columns] for _ in range(rows)
        ]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        if "visible" in self.within or self._chance(0.4):
            return table
        label = self._label("tbl")
        return f"{table}\n\n: {self._caption(label)} {{#{label}}}"

    def _grid(self, depth: int) -> str:
        with self._in("grid"):
            cells = [self._short().split("\n"), self._bullets(2).split("\n")]
        widths = [max(map(len, cell)) + 8 for cell in cells]
        lines = [self._words("{} {}").split(), *itertools.zip_longest(*cells, fillvalue="")]
        rows = [f"| {line[0]:{widths[0]}} | {line[1]:{widths[1]}} |" for line in lines]
        rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
        return "\n".join([rule, rows[0], rule.replace("-", "="), *rows[1:], rule])

    def _lines(self, depth: int) -> str:
        return f"| {self._short()}\n|   {self.word()}\n| {self._short()}"

    def _equation(self, depth: int) -> str:
        formula = self._words(r"$$\text{{{}}} = \sum_{{i=1}}^n x_i$$")
        is_plain = "visible" in self.within or self._chance(0.4)
        return formula if is_plain else f"{formula} {{#{self._label('eq')}}}"

    def _comment(self, depth: int) -> str:
        with self._in(shown=NOWHERE):
            return f"<!-- {self.word()} -->"

    def _rule(self, depth: int) -> str:
        return self._words("{}\n\n* * *\n\n{}")

    def _picture(self, depth: int) -> str:
        picture = f']({PICTURE}){{fig-alt="{self._alternative()}"'
        if "visible" in self.within or self._chance(0.4):
            return f"{self.word()} ![{picture}}} {self.word()}"
        label = self._label("fig")
        return f"![{self._caption(label)}{picture} #{label}}}"

    def _callout(self, depth: int) -> str:
        kind = self._any(["note", "tip", "warning", "important", "caution"])
        collapse = self._any(["", "", ' collapse="true"', ' collapse="false"'])
        title = self._any(["", "heading", "attribute"])
        has_heading = title == "heading" and "visible" not in self.within
        head = f"## {self._short()}" if has_heading else ""
        text = f' title="{self._short("quoted")}"' if title and not has_heading else ""
        return self._div(depth, f".callout-{kind}{collapse}{text}", head, self._blocks(depth))

    def _tabs(self, depth: int) -> str:
        if "visible" in self.within:
            return self._paragraph(depth)
        tabs = [(f"## {self._short()}", self._blocks(depth)) for _ in range(self._any([1, 2, 3]))]
        return self._div(depth, ".panel-tabset", *itertools.chain(*tabs))

    def _theorem(self, depth: int) -> str:
        if self.within & {"visible", "theorem"}:  # Quarto numbers an inner theorem first
            return self._paragraph(depth)
        label = self._label(self._any([*THEOREMS]))
        head = f"## {self._short()}" if self._chance(0.5) else ""
        return self._div(depth, f"#{label}", head, self._blocks(depth, "theorem"))

    def _visible_blocks(self, depth: int) -> str:
        if "visible" in self.within:
            return self._paragraph(depth)
        form, shown = self._any([("html", PAGES), ("pdf", PAPER)])
        with self._in("visible", "short", shown=shown):
            raw = "<p>{}</p>" if form == "html" else "#strong[{}]"
            raw = f"```{{={form.replace('pdf', 'typst')}}}\n{self._words(raw)}\n```"
            blocks = self._blocks(depth)
        return self._div(depth, f'.content-visible when-format="{form}"', blocks, raw)

    def _side_by_side(self, depth: int) -> str:
        columns = self._any([2, 3])
        return self._div(depth, f"layout-ncol={columns}", *map(self._picture, [depth] * columns))

    def _parts(self, depth: int) -> str:
        label = self._label("fig")
        parts = []
        for letter in "ab":
            self.labels[f"{label}{letter}"] = f"{self.labels[label]} ({letter})"
            attributes = f'#{label}{letter} fig-alt="{self._alternative()}"'
            parts.append(f"![{self._short()}]({PICTURE}){{{attributes}}}")
        layout = self._any(["", " layout-ncol=2"])
        return self._div(depth, f"#{label}{layout}", *parts, self._caption(label))

    def _listing(self, depth: int) -> str:
        label = self._label("lst")
        caption = self._caption(label, "quoted")
        return f'```{{.python #{label} lst-cap="{caption}"}}\n{self.word()} = 1\n```'

    def _annotated(self, depth: int) -> str:
        return f"```python\n{self.word()} = 1 # <1>\n```\n\n1. {self._line(1)}"

    # Cells, whose printed words are in two pieces in their code

    def _cell(self, depth: int) -> str:
        if "visible" in self.within:
            return self._paragraph(depth)
        is_shown, has_output = self._chance(0.8), self._chance(0.8)
        options = [] if is_shown else ["echo: false"]
        options += ["code-fold: true"] if is_shown and self._chance(0.3) else []
        options += [] if has_output else ["output: false"]
        with self._in(shown=EVERYWHERE if is_shown else CODE):
            code = f"{self.word()} = 1"
        with self._in(shown=EVERYWHERE if has_output else CODE):
            printed = [self.word() for _ in range(self._any([1, 3, 20]))]
        pieces = " ".join(f"{word[:3]}|{word[3:]}" for word in printed)
        lines = [*(f"#| {option}" for option in options), code]
        lines.append(self._any(PRINTS).format(repr(pieces)))
        return "\n".join(["```{python}", *lines, "```"])

    def _captioned_cell(self, depth: int) -> str:
        if "visible" in self.within:
            return self._paragraph(depth)
        kind = self._any(["fig", "tbl"])
        label = self._label(kind)
        lines = [f"#| label: {label}", f"#| {kind}-cap: '{self._caption(label, 'quoted')}'"]
        if kind == "fig":
            with self._in(shown=(1, 1, 0)):  # a notebook's picture is an output
                lines.append(f"#| fig-alt: {self._alternative()}")
            lines += [f"{self.word()} = 1", "from IPython.display import SVG", f"SVG({SVG!r})"]
        else:
            lines += ["from IPython.display import Markdown"]
            lines += [rf"Markdown('| a |\n|---|\n| ' + {_in_pieces(self.word())} + ' |')"]
        return "\n".join(["```{python}", *lines, "```"])
