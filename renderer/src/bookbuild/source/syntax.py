"""The supported part of Quarto's syntax, and what to write instead of the rest.

Each check takes a piece of a file and yields messages; the scanner (`qmd.py`) adds the lines, and
defines the cell options (`Options`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

from bookbuild.source.errors import did_you_mean

META_KEYS = ("description", "after")  # after: a chapter or cell to be executed before
RAW_FORMATS = {"html", "typst"}
OUTPUT_FORMATS = {"html", "typst", "pdf"}
THEOREMS = ("thm", "lem", "cor", "prp", "cnj", "def", "exm", "exr")
LABELS = ("sec", "fig", "tbl", "eq", "lst", *THEOREMS)
OTHER_LABELS = ("nte", "tip", "wrn", "imp", "cau", "rem", "sol", "alg", "vid", "dia")
CALLOUTS = [f"callout-{kind}" for kind in ("note", "tip", "warning", "important", "caution")]
DIVS: dict[str, set[str]] = {name: {"collapse", "title"} for name in CALLOUTS} | {
    "content-visible": {"when-format"},
    "panel-tabset": set(),
    "explorable": {"script"},
}

ADVICE = {  # what to write instead, by the name of what is not supported
    "columns": "put two pictures side by side in `::: {layout-ncol=2}`; text goes in one column",
    "column": "put two pictures side by side in `::: {layout-ncol=2}`; text goes in one column",
    "column-margin": "write a footnote",
    "aside": "write a footnote",
    "content-hidden": 'write `::: {.content-visible when-format="…"}`',
    "appearance": "leave it out, callouts have one look",
    "icon": "leave it out, callouts have one look",
    "layout": "write layout-ncol=2, 3 or 4",
    "layout-nrow": "write layout-ncol=2, 3 or 4",
    "group": "leave it out",
    "unless-format": 'write `when-format="…"`',
    "title": "write the title as `# Title {#sec-name}` below the header",
    "execute": "write `#| echo: false` and the like in each cell",
    "format": "formats are set in _quarto.yml",
    "bibliography": "it is set in _quarto.yml",
    "eval": "code that is shown and not run is a block ```python",
    "error": "catch the exception in the code and print it",
    "message": "write `warning: false`",
    "lst-cap": 'a listing is a block ```{.python #lst-name lst-cap="…"} that is not run',
    "layout-ncol": "draw the parts in one figure, or put the cells into `::: {layout-ncol=2}`",
    "fig-subcap": "draw the parts in one figure, and name them in its caption",
    "tbl-subcap": "give each table a cell, a label and a caption of its own",
    "fig-width": "set the size in the code",
    "fig-height": "set the size in the code",
    "code-line-numbers": "leave it out",
    "filename": "name the file in the text",
}

# The alternative to each HTML tag, and the tags that are part of it.
BOLD, SLANTED = "write **text**", "write *text*"
HTML_ADVICE = {
    "br": "end the line with a backslash",
    "hr": "write `* * *` between empty lines",
    "sub": "write H~2~O",
    "sup": "write x^2^",
    **dict.fromkeys(("b", "strong"), BOLD),
    **dict.fromkeys(("i", "em", "cite", "dfn", "var"), SLANTED),
    **dict.fromkeys(("u", "ins"), "write [text]{.underline}"),
    **dict.fromkeys(("s", "del", "strike"), "write ~~text~~"),
    "mark": "write [text]{.mark}",
    **dict.fromkeys(("code", "kbd", "samp", "tt"), "write `text` in backticks"),
    "q": "write quotation marks",
    "a": "write [text](address)",
    "img": 'write ![caption](file.svg){fig-alt="description"}',
    "table": "write a Markdown table",
    **dict.fromkeys(("ul", "ol", "dl"), "write a Markdown list"),
    "p": "leave an empty line between paragraphs",
    "pre": "write a code block, ```",
    "blockquote": "write `> ` before each line",
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "write `## Title`"),
    "details": 'write a callout, `::: {.callout-note collapse="true"}`',
    "figure": "write `::: {#fig-name}`, whose last paragraph is the caption",
    **dict.fromkeys(("div", "section", "article", "aside"), "write `::: {.callout-note}`"),
    **dict.fromkeys(("center", "font", "big", "small", "span"), "leave it out"),
    "svg": "save the drawing as a file and write ![caption](file.svg)",
}
HTML_PARTS = {
    "table": ("thead", "tbody", "tfoot", "tr", "td", "th", "caption", "colgroup", "col"),
    "details": ("summary",),
    "figure": ("figcaption",),
    "svg": ("g", "path", "circle", "rect", "line", "text", "title", "desc", "defs", "use"),
    "select": ("option", "optgroup"),
    **dict.fromkeys(("ul", "ol"), ("li",)),
    "dl": ("dt", "dd"),
    **dict.fromkeys(("video", "audio", "picture"), ("source", "track", "img")),
}
RAW_HTML = 'is raw HTML, not supported outside `::: {.content-visible when-format="html"}`'
# pandoc drops these from a cell of a pipe table, with their content.
BLOCK_TAG = re.compile(
    r"<((?:address|article|aside|blockquote|canvas|center|dd|details|dialog|div|dl|dt|fieldset|figure"
    r"|footer|form|h[1-6]|header|hr|iframe|li|main|menu|nav|noscript|ol|output|p|pre|progress|script"
    r"|section|style|summary|table|template|textarea|ul|video)\b)[^<>|]*>",
    re.IGNORECASE,
)
TABLE_ROW = re.compile(r"^[ \t>]*\|.*\|[ \t]*$", re.MULTILINE)
TAG = re.compile(r"<(/?[a-zA-Z][\w:-]*|[!?])")

EXIT = re.compile(r"\b(?:exit|quit)\b")
MAGIC = re.compile(r"^([ \t]*)[%!].*", re.MULTILINE)
ATTRIBUTE = re.compile(
    r'\.(?P<cls>[\w-][\w:.-]*)|#(?P<id>[\w:.-]+)|(?P<key>[\w-]+)=("[^"]*"|[^\s"]\S*)'
)
SHORTCODE = re.compile(r"\{\{<")
EXAMPLE = r"(\(@[\w:.-]*\)|(?<![\w(\[-])@[\w:.-]*[.)])(?=\s)"  # begins an example list's item
YAML_BLOCK = re.compile(r"(?:\A|\n[ \t]*\n)---[ \t]*(?=\n[ \t]*\S)")


def unknown(what: str, name: str, known: Collection[str]) -> str:
    """Return the message that a name is not supported, with what to write instead."""
    advice = ADVICE.get(name.removeprefix("."))
    near = f": {advice}" if advice else did_you_mean(name, known)
    known = f"; supported: {', '.join(sorted(known)) or 'none'}"
    return f"the {what} `{name}` is not supported{near or known}"


def raw_html(tag: str) -> str:
    """Return the message that a tag, such as "br" or "/p", is not supported."""
    return f"`<{tag}>` {RAW_HTML}: {HTML_ADVICE.get(tag, 'write Markdown')}"


def in_table_rows(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the position, name and text of HTML block tags in lines that look like tables' rows."""
    for row in TABLE_ROW.finditer(text):
        for match in BLOCK_TAG.finditer(row[0]):
            yield row.start() + match.start(), match[1].lower(), match[0]


def belongs_to(tag: str) -> set[str]:
    """Return the tags that need no message of their own after this one: its end and its parts."""
    parts = HTML_PARTS.get(tag, ())
    return {f"/{tag}", *parts, *(f"/{part}" for part in parts)}


def in_prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the position and a message of everything that pandoc would print raw or drop.

    Parameters
    ----------
    text : str
        Prose with its code replaced by spaces.
    """
    for match in SHORTCODE.finditer(text):
        message = "the built-in renderer does not support shortcodes"
        yield match.start(), f"{message}: write out their content"
    for match in YAML_BLOCK.finditer(text):
        message = "`---` here opens a YAML block, which is dropped"
        yield match.end() - 1, f"{message}: for a horizontal rule, leave an empty line after it"


def in_div(text: str) -> Iterator[str]:
    """Yield the problems with a div's attributes."""
    inner = text[1:-1] if text.startswith("{") and text.endswith("}") else f".{text}"
    matches = list(ATTRIBUTE.finditer(inner))
    if ATTRIBUTE.sub("", inner).strip() or not matches:
        yield f"cannot parse this div's attributes: {text}"
        return
    classes = [m["cls"] for m in matches if m["cls"]]
    for name in classes:
        if name not in DIVS:
            yield unknown("div class", f".{name}", [*DIVS])
    values = {m["key"]: m[4].strip("\"'") for m in matches if m["key"]}
    labels = [m["id"] for m in matches if m["id"]]
    known = set().union(*(DIVS.get(name, set()) for name in classes))
    if not classes and all(label.startswith("fig-") for label in labels):
        known = {"layout-ncol"}
    if not set(classes) - set(DIVS):
        for key in values.keys() - known:
            yield unknown("div attribute", key, sorted(known))
    yield from _values(values, classes)
    if "explorable" in classes and not _is_live_figure(labels, values):
        yield 'a live figure is `::: {#fig-name .explorable script="name"}`, in small letters'
    for label in labels:
        if label.partition("-")[0] in OTHER_LABELS:
            supported = ", ".join(LABELS)
            yield f"labels of this kind are not supported: `{label}`; supported: {supported}"


def _is_live_figure(labels: list[str], values: dict[str, str]) -> bool:
    is_figure = any(label.startswith("fig-") for label in labels)
    return is_figure and bool(re.fullmatch(r"[a-z][a-z0-9-]*", values.get("script", "")))


def _values(values: dict[str, str], classes: list[str]) -> Iterator[str]:
    output = values.get("when-format", "")
    if "content-visible" in classes and output not in OUTPUT_FORMATS:
        yield f'when-format must be "html" or "pdf", not "{output}"; there is no other output'
    if not re.fullmatch("[234]", values.get("layout-ncol", "2")):
        yield f"layout-ncol must be 2, 3 or 4, not {values['layout-ncol']}"
    if values.get("collapse", "true") not in ("true", "false"):
        yield f'collapse must be "true" or "false", not "{values["collapse"]}"'


def in_code(cells: list[str]) -> Iterator[tuple[int, int, str]]:
    """Yield the cell, the line in it, both from 0, and a message of calls that end nothing.

    Parameters
    ----------
    cells : list of str
        The code of a chapter's cells; those that Python cannot parse are for the kernel to report.
    """
    nodes = [(n, node) for n, code in enumerate(cells) if EXIT.search(code) for node in _walk(code)]
    own = {name for _, node in nodes for name in _defined(node)}
    unbound = {"exit", "quit"} - own
    for n, node in nodes:
        match node:
            case ast.Call(func=ast.Name(id=name)) | ast.Expr(value=ast.Name(id=name)):
                if name in unbound:
                    message = f"`{name}` ends nothing here: this cell and all later ones would run"
                    yield n, node.lineno - 1, f"{message}; remove it, or raise an error"


def _defined(node: ast.AST) -> Iterator[str]:
    """Yield the name that an import, a definition or an assignment defines."""
    if isinstance(node, ast.alias):
        yield node.asname or node.name
    elif isinstance(node, ast.FunctionDef):
        yield node.name
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id


def _walk(code: str) -> Iterator[ast.AST]:
    try:
        yield from ast.walk(ast.parse(MAGIC.sub(r"\1pass", code)))
    except SyntaxError:
        return


def in_fence(info: str) -> Iterator[str]:
    """Yield the problems with the text after a code block's opening fence."""
    if raw := re.fullmatch(r"\{=(\w+)\}", info):
        if raw[1] not in RAW_FORMATS:
            yield f"raw {raw[1]} is not supported; supported: {', '.join(sorted(RAW_FORMATS))}"
    elif info.startswith("{"):
        inner = info.removeprefix("{").removesuffix("}")
        yield from _code_attributes(inner, info)
    elif len(info.split()) > 1:
        yield f"cannot parse this block's attributes: {info}; write {{.{info}}}"


def _code_attributes(inner: str, info: str) -> Iterator[str]:
    matches = list(ATTRIBUTE.finditer(inner))
    if ATTRIBUTE.sub("", inner).strip():
        yield f"cannot parse this block's attributes: {info}"
    for name in [m["cls"] for m in matches if m["cls"]][1:]:
        yield f"the class `.{name}` has no effect here: leave it out"
    label = next((m["id"] for m in matches if m["id"]), "")
    keys = [m["key"] for m in matches if m["key"]]
    for key in keys:
        if key != "lst-cap":
            yield unknown("attribute", key, ("lst-cap",))
    if "{python}" in inner:
        yield "the caption of a listing cannot contain inline code"
    if label.startswith("lst-") != ("lst-cap" in keys):
        yield 'a listing needs both a label and a caption: {.python #lst-name lst-cap="…"}'
    elif label and not label.startswith("lst-"):
        yield f"the label `{label}` of a code block must start with lst-"
