"""A .qmd file as prose and cells, and as a notebook.

The scan is line by line so that every message can name its line. It accepts what both renderers
understand and raises on the rest: what looks like a cell, a fence or a div and is not one that we
know is an error, never prose. What the prose means is pandoc's matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from bookbuild.errors import did_you_mean, error_at

YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times as fast
META_KEYS = {"description", "after"}  # after: the chapter that must be executed before
RAW_FORMATS = {"html", "typst"}
CALLOUTS = [f"callout-{kind}" for kind in ("note", "tip", "warning", "important", "caution")]
DIV_ATTRIBUTES = {name: {"collapse", "title"} for name in CALLOUTS} | {
    "content-visible": {"when-format"}
}

FENCE = re.compile(r"^(?P<indent>\s*)(?P<ticks>`{3,}|~{3,})\s*(?P<info>[^`]*)$")
LIKE_A_CELL = re.compile(r"^[>\s]*(`{3,}|~{3,})\s*\{+\s*\w")
DIV = re.compile(r"^\s*:{3,}\s*(?P<attributes>.*?)\s*:*$")
CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)((?:(?!\n\s*\n).)+?)(?<!`)\1(?!`)", re.DOTALL)
LABEL = re.compile(r"[A-Za-z][\w-]{0,63}", re.ASCII)
ATTRIBUTE = re.compile(r'\.(?P<cls>[\w-]+)|#(?P<id>[\w:.-]+)|(?P<key>[\w-]+)=("[^"]*"|\S+)')


@dataclass(frozen=True)
class Options:
    """The options of a cell: what may stand in its `#|` lines."""

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

    @property
    def caption(self) -> str:
        """The caption of the figure or table that the cell shows."""
        return self.fig_cap or self.tbl_cap


OPTION_TYPES = {option.name: type(option.default) for option in fields(Options)}


@dataclass(frozen=True)
class Inline:
    """One `{python} expression` in prose: its text, its line, its span in the prose."""

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

    @property
    def cells(self) -> list[Cell]:
        """The code cells, in order."""
        return [block for block in self.blocks if isinstance(block, Cell)]

    @property
    def inlines(self) -> list[Inline]:
        """The inline expressions, in order."""
        return [i for block in self.blocks if isinstance(block, Prose) for i in block.inlines]

    @property
    def steps(self) -> list[Cell | Inline]:
        """What is run, in document order: cells and inline expressions."""
        parts = [[block] if isinstance(block, Cell) else block.inlines for block in self.blocks]
        return [step for part in parts for step in part]

    def line_of(self, text: str) -> int | None:
        """Return the first line that holds `text`, as a whole word where it ends in one."""
        pattern = re.compile(re.escape(text) + (r"(?![\w-])" if text[-1:].isalnum() else ""))
        return next((n for n, line in enumerate(self.lines, 1) if pattern.search(line)), None)


def read(root: Path, path: PurePosixPath) -> Source:
    """Read the .qmd file `path` of the project at `root`.

    Raises
    ------
    BookError
        With file and line, for anything that is not known here.
    """
    try:
        text = (root / path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise error_at(path, line, "not UTF-8 text; save the file as UTF-8") from None
    return _Scanner(path, text.split("\n")).source()


@dataclass
class _Scanner:
    """The state of one pass over the lines of a file."""

    path: PurePosixPath
    lines: list[str]
    blocks: list[Prose | Cell] = field(default_factory=list)
    divs: list[int] = field(default_factory=list)  # lines of the divs that are open
    prose: list[str] = field(default_factory=list)
    prose_line: int = 1
    masked: list[str] = field(default_factory=list)  # `prose` with its verbatim lines blank

    def source(self) -> Source:
        meta, at = self._front_matter()
        self._start_prose(at)
        while at < len(self.lines):
            if match := FENCE.match(self.lines[at]):
                at = self._fence(at, match)
                continue
            if LIKE_A_CELL.search(self.lines[at]):
                raise self._error(at, "a cell's fence stands at the left margin, not in a quote")
            self._div(at)
            self._add_prose([self.lines[at]], verbatim=False)
            at += 1
        self._end_prose()
        if self.divs:
            raise self._error(self.divs[-1] - 1, "this div is never closed; end it with `:::`")
        source = Source(self.path, tuple(self.lines), meta, tuple(self.blocks))
        self._check(source)
        return source

    def _error(self, at: int, message: str) -> Exception:
        return error_at(self.path, at + 1, message)

    def _front_matter(self) -> tuple[dict[str, Any], int]:
        if not self.lines or self.lines[0].rstrip() != "---":
            return {}, 0
        end = next((n for n, x in enumerate(self.lines) if n and x.rstrip() == "---"), None)
        if end is None:
            raise self._error(0, "this YAML header is never closed; end it with `---`")
        meta = self._yaml(self.lines[1:end], 1)
        for key in meta.keys() - META_KEYS:
            raise self._error(0, f"the header's key `{key}` is not known; known: {META_KEYS}")
        return meta, end + 1

    def _yaml(self, lines: list[str], at: int) -> dict[str, Any]:
        try:
            value = yaml.load("\n".join(lines), Loader=YAML) or {}
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line if error.problem_mark else 0
            raise self._error(at + line, f"not YAML: {error.problem}") from None
        if not isinstance(value, dict):
            raise self._error(at, f"expected `key: value`, not {lines[0].strip()!r}")
        return value

    def _start_prose(self, at: int) -> None:
        self.prose, self.masked, self.prose_line = [], [], at + 1

    def _add_prose(self, lines: list[str], verbatim: bool) -> None:
        self.prose += lines
        self.masked += [" " * len(line) for line in lines] if verbatim else lines

    def _end_prose(self) -> None:
        text = "\n".join(self.prose)
        if text.strip():
            inlines = tuple(self._inlines("\n".join(self.masked)))
            self.blocks.append(Prose(text, self.prose_line, inlines))

    def _inlines(self, text: str) -> Iterator[Inline]:
        for span in CODE_SPAN.finditer(text):
            code, line = span[2], self.prose_line + text.count("\n", 0, span.start())
            if len(span[1]) > 1 or not re.match(r"\{\w+\}", code):
                continue
            if not (expression := code.removeprefix("{python}")).startswith(" "):
                message = f"inline code is `{{python}} expr`, not `{code}`"
                raise error_at(self.path, line, message)
            yield Inline(" ".join(expression.split()), line, span.start(), span.end())

    def _div(self, at: int) -> None:
        if not (match := DIV.match(self.lines[at])):
            return
        attributes = match["attributes"]
        if not attributes:
            if not self.divs:
                raise self._error(at, "this `:::` closes nothing")
            self.divs.pop()
            return
        before = self.lines[at - 1].strip() if at else ""
        if before and not before.startswith(":::"):
            raise self._error(at, "a div must follow an empty line, or pandoc takes it for text")
        self._check_div(at, attributes)
        self.divs.append(at + 1)

    def _check_div(self, at: int, text: str) -> None:
        inner = text[1:-1] if text.startswith("{") and text.endswith("}") else f".{text}"
        if ATTRIBUTE.sub("", inner).strip():
            raise self._error(at, f"this div's attributes are not understood: {text}")
        matches = list(ATTRIBUTE.finditer(inner))
        classes = [m["cls"] for m in matches if m["cls"]]
        for name in classes:
            if name not in DIV_ATTRIBUTES:
                near = did_you_mean(name, list(DIV_ATTRIBUTES))
                raise self._error(at, f"the div class `.{name}` is not known{near}")
        allowed = set().union(*(DIV_ATTRIBUTES[name] for name in classes)) if classes else set()
        for key in [m["key"] for m in matches if m["key"]]:
            if key not in allowed:
                near = did_you_mean(key, allowed)
                raise self._error(at, f"the div attribute `{key}` is not known here{near}")

    def _fence(self, at: int, match: re.Match[str]) -> int:
        """Read the fenced block that opens at line `at`; return the line after it."""
        closing = re.compile(rf"^\s*{match['ticks'][0]}{{{len(match['ticks'])},}}\s*$")
        later = range(at + 1, len(self.lines))
        end = next((n for n in later if closing.match(self.lines[n])), None)
        if end is None:
            raise self._error(at, f"this fence is never closed; end it with {match['ticks']}")
        info = match["info"].strip()
        if re.match(r"\{+\s*\w", info):
            self._check_cell_fence(at, match, info)
            self._end_prose()
            self.blocks.append(self._cell(at, end))
            self._start_prose(end + 1)
        else:
            if (raw := re.match(r"\{=(\w+)\}", info)) and raw[1] not in RAW_FORMATS:
                raise self._error(at, f"raw {raw[1]} is not known; known: {sorted(RAW_FORMATS)}")
            self._add_prose(self.lines[at : end + 1], verbatim=True)
        return end + 1

    def _check_cell_fence(self, at: int, match: re.Match[str], info: str) -> None:
        if info != "{python}":
            message = f"a cell opens with ```{{python}}, not {info}; its options are `#|` lines"
            raise self._error(at, message)
        if match["indent"] or match["ticks"] != "```":
            raise self._error(at, "a cell's fence is ``` at the left margin, of three backticks")

    def _cell(self, at: int, end: int) -> Cell:
        body = self.lines[at + 1 : end]
        count = next((n for n, x in enumerate(body) if not x.startswith("#|")), len(body))
        options = self._options(at, body[:count])
        number = sum(isinstance(block, Cell) for block in self.blocks) + 1
        code = "\n".join(body[count:]).rstrip()
        stripped = code.lstrip("\n")
        code_line = at + 2 + count + (len(code) - len(stripped))
        return Cell(options.label or f"cell-{number}", stripped, options, at + 1, code_line)

    def _options(self, at: int, lines: list[str]) -> Options:
        values = self._yaml([line[2:] for line in lines], at + 1) if lines else {}
        options: dict[str, Any] = {}
        for key, value in values.items():
            line = at + 1 + next((n for n, x in enumerate(lines) if f"{key}:" in x), 0)
            name = str(key).replace("-", "_")
            if name not in OPTION_TYPES:
                near = did_you_mean(name, OPTION_TYPES).replace("_", "-")
                raise self._error(line, f"the cell option `{key}` is not known{near}")
            if not isinstance(value, OPTION_TYPES[name]):
                kind = "text (quote it)" if OPTION_TYPES[name] is str else "true or false"
                raise self._error(line, f"the cell option `{key}` must be {kind}, not {value!r}")
            options[name] = " ".join(value.split()) if isinstance(value, str) else value
        return Options(**options)

    def _check(self, source: Source) -> None:
        first = source.blocks[0] if source.blocks else None
        if not isinstance(first, Prose) or not first.text.lstrip().startswith("# "):
            raise error_at(self.path, 1, "a chapter opens with its title: `# Title {#sec-name}`")
        seen: dict[str, int] = {}
        for cell in source.cells:
            self._check_options(cell)
            if cell.id in seen:
                message = f"the label `{cell.id}` is already that of line {seen[cell.id]}"
                raise error_at(self.path, cell.line, message)
            seen[cell.id] = cell.line
        if source.inlines and not source.cells:
            message = "inline code in a chapter without a cell: Quarto would not execute it"
            raise error_at(self.path, source.inlines[0].line, message)

    def _check_options(self, cell: Cell) -> None:
        label, options = cell.options.label, cell.options
        figure, table = label.startswith("fig-"), label.startswith("tbl-")
        wrong = [
            (label and not LABEL.fullmatch(label), "a label has letters, digits and hyphens"),
            (figure and not options.fig_cap, "a fig- label needs fig-cap"),
            (figure and not options.fig_alt, "a fig- label needs fig-alt"),
            (options.fig_cap and not figure, "fig-cap needs a label that begins with fig-"),
            (table and not options.tbl_cap, "a tbl- label needs tbl-cap"),
            (options.tbl_cap and not table, "tbl-cap needs a label that begins with tbl-"),
            (options.caption and not options.output, "a caption needs its output"),
            ("{python}" in options.caption + options.fig_alt, "a caption holds no inline code"),
        ]
        for found, message in wrong:
            if found:
                raise error_at(self.path, cell.line, f"cell {cell.id}: {message}")


def notebook(source: Source, outputs: list[list[dict]], values: list[str]) -> dict[str, Any]:
    """Return `source` as a notebook (nbformat 4.5, plain dictionaries).

    Parameters
    ----------
    source : Source
    outputs : list of list of dict
        A list of outputs for each code cell; empty lists before execution.
    values : list of str
        The Markdown text of each inline expression; the expressions themselves before execution.
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
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def fill(prose: Prose, values: list[str]) -> str:
    """Return the prose's text with each inline expression replaced by its value."""
    text = prose.text
    for inline, value in reversed(list(zip(prose.inlines, values, strict=True))):
        text = text[: inline.start] + value + text[inline.end :]
    return text
