"""Scan a .qmd file into prose and cells, and turn it into a notebook.

The scan is line by line, so that every message has a line. It accepts what both renderers support
and records the rest as a problem, with what to write instead (`syntax.py`): an unsupported cell,
fence or div is never taken for prose. The prose itself is parsed by pandoc.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from bookbuild.source import syntax

YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C loader is ten times as fast
FENCE = re.compile(
    r"^(?P<indent>\s*)(?P<ticks>`{3,}|~{3,})\s*(?P<info>\{(?:(?!```).)*\}\s*|[^`]*)$"
)
LIKE_A_CELL = re.compile(r"^[>\s]*(`{3,}|~{3,})\s*\{+\s*\w")
DIV = re.compile(r"^[>\s]*:{3,}\s*(?P<attributes>.*?)\s*:*$")
# a code span; or without groups an escaped character or backticks that begin none
CODE_SPAN = re.compile(r"\\[^\w\s]|(`+)(?!`)((?:(?!\n\s*\n).)+?)(?<!`)\1(?!`)|`+", re.DOTALL)
TITLE = re.compile(r"# +[^\s{]")
LABEL = re.compile(r"[A-Za-z][\w-]{0,63}", re.ASCII)
RESERVED = re.compile(r"check|(?:text|cell)-\d+")  # names of cells in notebooks
NOTE = re.compile(r" {0,3}\[\^[^\]\s]+\]:")
BELOW_NOTE = re.compile(  # what an author wants to be a block of its own
    r" {0,3}(#{1,6}\s|[-*+]\s|\(?(?:#|\d+|[A-Za-z])[.)]\s|\[[^\]^]+\]:|[>|=<]|:\s|!\[|\$\$"
    r"|`{3}|~{3}|([-*_])(?:\s*\2){2,}\s*$)"
)
RULE = re.compile(
    r" *(?:\+[-=:+]+\+|-{2,}(?: +-{2,})+) *"
)  # of a table with columns of fixed width
COMMENT_MARK = re.compile(r"<!--|-->")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
OPTION = re.compile(r"#\s*\| ?")  # with a space, as black writes it; the pattern is Quarto's
ANSWER = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True)
class Options:
    """The options of a cell, from its `#| key: value` lines."""

    label: str = ""
    fig_cap: str = ""
    fig_alt: str = ""
    tbl_cap: str = ""
    echo: bool = True
    include: bool = True
    output: bool = True
    warning: bool = True
    code_fold: bool = False
    code_summary: str = "Show the code"
    check: str = ""  # the answers that the cell checks, in practice notebooks only

    @property
    def answers(self) -> list[str]:
        """The expressions that the reader of a practice notebook has to assign."""
        return [answer.strip() for answer in self.check.split(",") if answer.strip()]

    @property
    def caption(self) -> str:
        """The caption of the cell's figure or table."""
        return self.fig_cap or self.tbl_cap


OPTION_TYPES = {option.name: type(option.default) for option in fields(Options)}


@dataclass(frozen=True)
class Inline:
    """One `{python} expression` in prose, with its line and its span in the prose."""

    expression: str
    line: int
    start: int
    end: int


@dataclass(frozen=True)
class Prose:
    """Markdown between two cells."""

    text: str
    line: int
    inlines: tuple[Inline, ...] = ()


@dataclass(frozen=True)
class Cell:
    """A code cell, without its fence and its option lines."""

    id: str  # its label, or cell-N
    code: str
    options: Options
    line: int  # of the fence
    code_line: int  # of the first line of code


@dataclass(frozen=True)
class Source:
    """One .qmd file."""

    path: PurePosixPath  # relative to the project's root
    lines: tuple[str, ...]
    meta: dict[str, Any]
    blocks: tuple[Prose | Cell, ...]
    problems: tuple[tuple[int, str], ...] = ()  # lines and messages
    is_unparseable: bool = False  # structure so broken that pandoc would misread it

    @property
    def cells(self) -> list[Cell]:
        """The code cells, in order."""
        return [block for block in self.blocks if isinstance(block, Cell)]

    @property
    def has_checks(self) -> bool:
        """Whether the chapter has cells that check answers to exercises."""
        return any(cell.options.check for cell in self.cells)

    @property
    def after(self) -> tuple[str, str]:
        """The chapter, and its cell or "", that must be executed before this one."""
        chapter, _, cell = self.meta.get("after", "").partition("#")
        return chapter, cell

    @property
    def inlines(self) -> list[Inline]:
        """The inline expressions, in order."""
        return [i for block in self.blocks if isinstance(block, Prose) for i in block.inlines]

    @property
    def steps(self) -> list[Cell | Inline]:
        """The cells and inline expressions, in document order."""
        parts = [[block] if isinstance(block, Cell) else block.inlines for block in self.blocks]
        return [step for part in parts for step in part]

    def line_of(self, text: str) -> int | None:
        """Return the first line with `text`, as a whole word if it ends in a letter or digit."""
        pattern = re.compile(re.escape(text) + (r"(?![\w-])" if text[-1:].isalnum() else ""))
        return next((n for n, line in enumerate(self.lines, 1) if pattern.search(line)), None)


def read(root: Path, path: PurePosixPath) -> Source:
    """Read the .qmd file `path` of the project at `root`; mistakes become its problems."""
    try:
        text = (root / path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return Source(path, (), {}, (), ((line, "not UTF-8 text; save the file as UTF-8"),), True)
    if control := CONTROL.search(text):
        line = text.count("\n", 0, control.start()) + 1
        message = f"the control character U+{ord(control[0]):04X} is not text; remove it"
        return Source(path, tuple(text.split("\n")), {}, (), ((line, message),), True)
    return _Scanner(path, text.split("\n")).source()


@dataclass
class _Scanner:
    """The state of one pass over the lines of a file, numbered from 0."""

    path: PurePosixPath
    lines: list[str]
    blocks: list[Prose | Cell] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)
    is_unparseable: bool = False
    divs: list[int] = field(default_factory=list)  # lines of the open divs
    prose: list[str] = field(default_factory=list)
    prose_line: int = 1
    masked: list[str] = field(default_factory=list)  # `prose` with spaces for verbatim lines
    is_in_note: bool = False
    comment: int | None = None  # the line of the open comment

    def source(self) -> Source:
        meta, at = self._front_matter()
        self._start_prose(at)
        while at < len(self.lines):
            self._note(at)
            if match := FENCE.match(self.lines[at]):
                at = self._fence(at, match)
                continue
            if LIKE_A_CELL.search(self.lines[at]):
                self._break(at, "a cell's fence must start at the left margin, not in a quotation")
            self._div(at)
            self._add_prose([self.lines[at]], verbatim=False)
            at += 1
        self._end_prose()
        for opened in self.divs:
            self._break(opened, "this div is never closed; end it with `:::`")
        if self.comment is not None:
            self._refuse(self.comment, "this comment is never closed; end it with `-->`")
        self._check_title()
        self._check_cells()
        problems = tuple(sorted(set(self.problems), key=lambda problem: problem[0]))
        return Source(
            self.path, tuple(self.lines), meta, tuple(self.blocks), problems, self.is_unparseable
        )

    def _break(self, at: int, message: str) -> None:
        """Record a problem that makes the rest of the file unparseable."""
        self.is_unparseable = True
        self._refuse(at, message)

    def _refuse(self, at: int, message: str) -> None:
        """Record a problem."""
        self.problems.append((at + 1, message))

    def _front_matter(self) -> tuple[dict[str, Any], int]:
        if not self.lines or self.lines[0].rstrip() != "---":
            return {}, 0
        ends = (n for n, x in enumerate(self.lines) if n and x.rstrip() in ("---", "..."))
        if (end := next(ends, None)) is None:
            self._break(0, "this YAML header is never closed; end it with `---`")
            return {}, len(self.lines)
        meta = self._yaml(self.lines[1:end], 1)
        for key, value in meta.items():
            if key not in syntax.META_KEYS:
                message = syntax.unknown("header's key", str(key), syntax.META_KEYS)
                self._refuse(self._line_of_key(str(key), self.lines[1:end], 1), message)
            elif not isinstance(value, str):
                line = self._line_of_key(str(key), self.lines[1:end], 1)
                self._break(line, f"the header's `{key}` must be text, not {value!r}; quote it")
        return {key: value for key, value in meta.items() if isinstance(value, str)}, end + 1

    def _yaml(self, lines: list[str], at: int) -> dict[str, Any]:
        try:
            loader = YAML("\n".join(lines))
            root = loader.get_single_node()
            value = (loader.construct_document(root) if root else None) or {}
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line if error.problem_mark else 0
            self._break(at + line, f"not YAML: {error.problem}")
            return {}
        except (yaml.YAMLError, ValueError, AttributeError) as error:  # such as an invalid date
            self._break(at, f"not YAML: {str(error).splitlines()[0]}")
            return {}
        if not isinstance(value, dict):
            self._break(at, f"expected `key: value`, not {lines[0].strip()!r}")
            return {}
        seen: set[str] = set()
        for key, _ in root.value if root else ():
            if key.value in seen:
                message = f"`{key.value}` is set twice; remove one of the lines"
                self._refuse(at + key.start_mark.line, message)
            seen.add(key.value)
        return value

    def _line_of_key(self, key: str, lines: list[str], at: int) -> int:
        return at + next((n for n, line in enumerate(lines) if f"{key}:" in line), 0)

    # Prose

    def _start_prose(self, at: int) -> None:
        self.prose, self.masked, self.prose_line = [], [], at + 1

    def _add_prose(self, lines: list[str], verbatim: bool) -> None:
        self.prose += lines
        self.masked += [" " * len(line) for line in lines] if verbatim else lines

    def _end_prose(self) -> None:
        text, masked = "\n".join(self.prose), "\n".join(self.masked)
        if text.strip():
            self.blocks.append(Prose(text, self.prose_line, tuple(self._inlines(masked))))
        plain = CODE_SPAN.sub(blank_code, masked)
        for position, message in syntax.in_prose(plain):
            self._refuse(self._line(plain, position) - 1, message)
        for mark in COMMENT_MARK.finditer(plain):
            if mark[0] == "-->":
                self.comment = None
            elif self.comment is None:
                self.comment = self._line(plain, mark.start()) - 1

    def _line(self, text: str, position: int) -> int:
        return self.prose_line + text.count("\n", 0, position)

    def _inlines(self, text: str) -> Iterator[Inline]:
        for span in (match for match in CODE_SPAN.finditer(text) if match[1]):
            code, line = span[2], self._line(text, span.start())
            if len(span[1]) > 1 or not re.match(r"\{\w+\}", code):
                continue
            if not (expression := code.removeprefix("{python}")).startswith((" ", "\n")):
                self._break(line - 1, f"inline code is `{{python}} expr`, not `{code}`")
                continue
            if self._is_in_columns(line - 1):
                message = "inline code in a table whose columns are positions: its value would move"
                self._refuse(line - 1, f"{message} them; write a pipe table, | a | b |")
            yield Inline(" ".join(expression.split()), line, span.start(), span.end())

    def _is_in_columns(self, at: int) -> bool:
        """Return whether a line and those around it are a table with columns of fixed width."""
        above = itertools.takewhile(str.strip, self.lines[at::-1])
        below = itertools.takewhile(str.strip, self.lines[at:])
        return any(RULE.fullmatch(line) for line in itertools.chain(above, below))

    def _note(self, at: int) -> None:
        """Record a line directly below a note's definition that pandoc takes into the note."""
        line = self.lines[at]
        is_below, is_more = bool(at and self.lines[at - 1].strip()), line.startswith("    ")
        if NOTE.match(line):
            self.is_in_note = True
        elif line.strip() and not (is_below or is_more):
            self.is_in_note = False
        elif self.is_in_note and BELOW_NOTE.match(line):
            self.is_in_note = False
            message = "this line continues the note above: leave an empty line before it"
            self._refuse(at, f"{message}, or indent it by four spaces if it belongs to the note")

    def _div(self, at: int) -> None:
        if not (match := DIV.match(self.lines[at])):
            return
        attributes = match["attributes"]
        if not attributes:
            if not self.divs:
                self._break(at, "this `:::` closes no div")
            else:
                self.divs.pop()
            return
        before = self.lines[at - 1].strip("> \t") if at else ""
        if before and not before.startswith(":::"):
            self._break(at, "a div must follow an empty line, or pandoc reads it as text")
        for message in syntax.in_div(attributes):
            self._refuse(at, message)
        self.divs.append(at)

    # Code

    def _fence(self, at: int, match: re.Match[str]) -> int:
        """Read the fenced block that starts at line `at`; return the line after it."""
        closing = re.compile(rf"^\s*{match['ticks'][0]}{{{len(match['ticks'])},}}\s*$")
        later = range(at + 1, len(self.lines))
        end = next((n for n in later if closing.match(self.lines[n])), None)
        if end is None:
            self._break(at, f"this fence is never closed; end it with {match['ticks']}")
            return len(self.lines)
        info = match["info"].strip()
        if re.match(r"\{+\s*\w", info) and self._is_cell_fence(at, match, info):
            self._end_prose()
            if self.comment is not None:
                self._refuse(at, "a cell in a comment would be executed; remove it")
            self.blocks.append(self._cell(at, end))
            self._start_prose(end + 1)
        else:
            for message in () if re.match(r"\{+\s*\w", info) else syntax.in_fence(info):
                self._refuse(at, message)
            self._add_prose(self.lines[at : end + 1], verbatim=True)
        return end + 1

    def _is_cell_fence(self, at: int, match: re.Match[str], info: str) -> bool:
        if info != "{python}":
            message = (
                f"a cell starts with ```{{python}}, not {info}; write its options as `#|` lines"
            )
            self._break(at, message)
        elif match["indent"] or match["ticks"] != "```":
            self._break(at, "a cell's fence must be three backticks at the left margin")
        else:
            return True
        return False

    def _cell(self, at: int, end: int) -> Cell:
        body = self.lines[at + 1 : end]
        count = next((n for n, x in enumerate(body) if not OPTION.match(x)), len(body))
        options = self._options(at, body[:count])
        number = sum(isinstance(block, Cell) for block in self.blocks) + 1
        code = "\n".join(body[count:]).rstrip()
        stripped = code.lstrip("\n")
        for n in self._late_options(body, count):
            self._refuse(at + 1 + n, "a cell's options must be its first lines; move this one up")
        code_line = at + 2 + count + (len(code) - len(stripped))
        return Cell(options.label or f"cell-{number}", stripped, options, at + 1, code_line)

    @staticmethod
    def _late_options(body: list[str], count: int) -> Iterator[int]:
        """Yield the numbers of the lines below `count` that are options, not text in quotes."""
        if any(OPTION.match(line) for line in body[count:]):
            code = "\n".join(body)
            with contextlib.suppress(tokenize.TokenError, IndentationError):
                for token in tokenize.generate_tokens(io.StringIO(code).readline):
                    is_late = token.type == tokenize.COMMENT and token.start[0] > count
                    if is_late and token.start[1] == 0 and _is_option(token.string):
                        yield token.start[0] - 1

    def _options(self, at: int, lines: list[str]) -> Options:
        values = (
            self._yaml([OPTION.sub("", line, count=1) for line in lines], at + 1) if lines else {}
        )
        options: dict[str, Any] = {}
        for key, value in values.items():
            line, name = self._line_of_key(str(key), lines, at + 1), str(key).replace("-", "_")
            if name not in OPTION_TYPES:
                known = [option.replace("_", "-") for option in OPTION_TYPES]
                self._refuse(line, syntax.unknown("cell option", str(key), known))
            elif not isinstance(value, OPTION_TYPES[name]):
                kind = "text (quote it)" if OPTION_TYPES[name] is str else "true or false"
                self._break(line, f"the cell option `{key}` must be {kind}, not {value!r}")
            else:
                options[name] = " ".join(value.split()) if isinstance(value, str) else value
        return Options(**options)

    # The whole

    def _check_title(self) -> None:
        first = self.blocks[0] if self.blocks else None
        is_unread = not first and bool(self.problems)
        if not is_unread and not (isinstance(first, Prose) and TITLE.match(first.text.lstrip())):
            self._break(0, "a chapter starts with its title: `# Title {#sec-name}`")

    def _check_cells(self) -> None:
        seen: dict[str, int] = {}
        cells = [block for block in self.blocks if isinstance(block, Cell)]
        inlines = [i for block in self.blocks if isinstance(block, Prose) for i in block.inlines]
        for cell in cells:
            self._check_options(cell)
            if cell.id in seen:
                message = f"the label `{cell.id}` is already used in line {seen[cell.id]}"
                self._break(cell.line - 1, message)
            seen[cell.id] = cell.line
        for number, line, message in syntax.in_code([cell.code for cell in cells]):
            self._refuse(cells[number].code_line + line - 1, message)
        if inlines and not cells:
            message = "inline code in a chapter without cells: Quarto would not execute it"
            self._break(inlines[0].line - 1, message)

    def _check_options(self, cell: Cell) -> None:
        label, options = cell.options.label, cell.options
        kind = label.partition("-")[0]
        figure, table = kind == "fig" and label != kind, kind == "tbl" and label != kind
        other = {*syntax.LABELS, *syntax.OTHER_LABELS} - {"fig", "tbl"}
        wrong = [
            (
                label and not LABEL.fullmatch(label),
                "a label consists of letters, digits and hyphens",
            ),
            (RESERVED.fullmatch(label), f"the label `{label}` is reserved; choose another"),
            ("-" in label and kind in other, f"a cell's label must not start with {kind}-"),
            (figure and not options.fig_cap, "a fig- label needs fig-cap"),
            (figure and not options.fig_alt, "a fig- label needs fig-alt"),
            (options.fig_cap and not figure, "fig-cap needs a label that starts with fig-"),
            (table and not options.tbl_cap, "a tbl- label needs tbl-cap"),
            (options.tbl_cap and not table, "tbl-cap needs a label that starts with tbl-"),
            (options.caption and not options.output, "a caption needs `output: true`"),
            (
                "{python}" in options.caption + options.fig_alt,
                "captions and alt texts cannot contain inline code",
            ),
            (options.check and options.include, "`check` needs `include: false`"),
            (
                not all(map(ANSWER.fullmatch, options.answers)),
                "`check` must list answers, as in q.one, q.two",
            ),
        ]
        for is_wrong, message in wrong:
            if is_wrong:
                self._break(cell.line - 1, f"cell {cell.id}: {message}")


def _is_option(comment: str) -> bool:
    key = OPTION.sub("", comment, count=1).partition(":")[0].replace("-", "_")
    return comment.startswith("#|") or (OPTION.match(comment) is not None and key in OPTION_TYPES)


def blank_code(span: re.Match[str]) -> str:
    """Return a match of `CODE_SPAN` with spaces for its code."""
    return re.sub(r"[^\n]", " ", span[0]) if span[1] else span[0]


def notebook(source: Source, outputs: list[list[dict]], values: list[str]) -> dict[str, Any]:
    """Return `source` as a notebook in nbformat 4.5, as plain dictionaries.

    Parameters
    ----------
    source : Source
    outputs : list of list of dict
        A list of outputs for each code cell; empty lists before execution.
    values : list of str
        The Markdown of each inline expression; the expressions themselves before execution.
    """
    cells: list[dict[str, Any]] = []
    remaining_outputs, remaining_values = iter(outputs), iter(values)
    for block in source.blocks:
        if isinstance(block, Prose):
            text = fill(block, [next(remaining_values) for _ in block.inlines])
            name = f"text-{len(cells) + 1}"
            cells.append(
                {"cell_type": "markdown", "id": name, "metadata": {}, "source": text.strip("\n")}
            )
        else:
            count = sum(cell["cell_type"] == "code" for cell in cells) + 1
            cells.append(
                {
                    "cell_type": "code",
                    "id": block.id,
                    "metadata": {},
                    "source": block.code,
                    "execution_count": count,
                    "outputs": next(remaining_outputs),
                }
            )
    return notebook_of(cells)


def notebook_of(cells: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a Python notebook of these cells."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def fill(prose: Prose, values: list[str]) -> str:
    """Return the prose's text with each inline expression replaced by its value."""
    text = prose.text
    for inline, value in reversed(list(zip(prose.inlines, values, strict=True))):
        text = text[: inline.start] + value + text[inline.end :]
    return text
