# ruff: noqa: E501
"""Formulas: each command that pandoc knows is the same in page and PDF, or refused at its line.

`tex/commands.txt` lists them. One book has them all; the page's MathML is compared with the PDF.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import pdf
from tests.support.books import SmallBook
from tests.support.pages import parse
from tests.support.programs import program
from tests.support.words import differences

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[1]
COMMANDS = Path(__file__).parent / "tex" / "commands.txt"
COMMAND = re.compile(r"\\([A-Za-z]+|[^A-Za-z])")

# more than a symbol: each command of these kinds is in one of the samples, or refused
SAMPLES = r"""
\text{if }x \textrm{r}\textbf{b}\textit{i}\texttt{t}\textsf{s}\mbox{m}\text{a $x^2$ b}
\text{\aa\AA\ss\o\O\l\L\ae\AE\oe\OE\c{c}\v{s}\u{a}\char`a\textasciitilde\textasciicircum\textbackslash\ldots\quad}
\mathrm{a}\mathup{b}\mathbf{c}\boldsymbol{d}\bm{e}\symbf{f}\mathbold{g}\pmb{h}\mathbfup{i}\mathit{j}\mathtt{k}
\mathsf{a}\mathsfup{b}\mathbb{C}\mathds{D}\mathcal{L}\mathscr{M}\mathfrak{g}\mathbfit{h}\mathbfsfup{i}
\mathbfsfit{a}\mathbfscr{L}\mathbffrak{g}\mathbfcal{M}\mathsfit{c}
\frac{a}{b}\dfrac{c}{d}\tfrac{e}{f}\binom{n}{k}\genfrac{(}{)}{0pt}{}{a}{b}{n \choose k}{n \brack k}{n \brace k}{a \bangle b}
\overset{!}{=}\stackrel{?}{=}\underset{x}{\max}\xleftarrow{abc}\xrightarrow[under]{over}\not=\not\in
\sum\limits_{i}^n \sum\nolimits_i^n \lim_{x\to0} \operatorname{foo}_x \operatorname*{arg\,max}_x
a\mspace{9mu}b\hspace{1em}c\enspace\allowbreak d \phantom{x}\ensuremath{f}\nonumber
\left( \frac{a}{b} \right) \left[ \frac ab \right) \left\langle \frac ab \middle| c \right\rangle \left. \frac ab \right\rfloor_{x} \lVert x \rVert
\big( \Big( \bigg( \Bigg( \bigl[ \Bigl[ \biggl[ \Biggl[ \bigr) \Bigr) \biggr) \Biggr)
\mathop{foo}_x \mathrel{R}\mathbin{B}\mathord{+}\mathopen{(}\mathclose{)}\mathpunct{,}
a \bmod b, a \pmod{n}, a \pod n, a \mod n
\qty{1.5}{\m\squared} \SI{10}{\kilo\metre\per\second} \unit{\m\tothe{3}} \si{\m\cubed} \num{1.2e-3} \ang{10;5;2}
\SIrange{1}{2}{\m} \numrange{1}{2} \numlist{1;2;3} \qtyrange{1}{2}{\km} \sqrt{x}\sqrt[3]{y}\surd{z}
\begin{array}{lcr} aaa & b & c \\ d & eee & fff \end{array} \substack{a \\ b}
""".strip().split("\n")
REFUSED = {  # where a command needs more than an argument in braces
    "tag": r"x \tag{1}",
    "label": r"x \label{a}",
    "color": r"\color{red} x",
    "hline": r"\begin{array}{l} a \\ \hline b \end{array}",
    "hyperref": r"\hyperref[a]{b}",
    "SIlist": r"\SIlist{1;2}{\m}",
    "qtylist": r"\qtylist{1;2}{\m}",
}
LAYOUT = (r"\begin{array}{l|l} a & b \end{array}", r"\begin{aligned} a \\[2pt] b \end{aligned}")
# widths in em, from LaTeX
SPACES = {
    r"\!": -1 / 6, r"\,": 1 / 6, r"\:": 4 / 18, r"\>": 4 / 18, r"\;": 5 / 18, r"\enspace ": 1 / 2,
    r"\quad ": 1, r"\qquad ": 2, r"\hspace{-0.3em}": -0.3, r"\hspace{1.7em}": 1.7,
}  # fmt: skip
LIMITS = [
    r"\underset{123}{\max}", r"\operatorname*{argmax}_{123}", r"\lim_{123}", r"\max_{123}",
    r"\int\limits_{123}", r"\sum_{123}", r"\underset{123}{=}", r"\underbrace{ab}_{123}",
]  # fmt: skip
BESIDE = r"\operatorname{argmin}_{456} + \sum\nolimits_{456} + \int_{456}"
ALIGNED = r"\begin{aligned} u &= 7 \\ v + w + w + w &= 8 \end{aligned}"
MATRICES = [
    r"\begin{matrix} 11 & 12 \end{matrix}",
    r"\begin{array}{cc} 21 & 22 \end{array}",
    r"\begin{array}{ll} 31 & 32 \end{array}",
    r"\begin{array}{rcl} 41 & 42 & 43 \end{array}",
    r"\begin{array}{rl} 51 & -52 \end{array}",
    r"\begin{array}{lrlr} 61 & 62 & 63 & 64 \end{array}",
]
NO_MATRIX = r"\begin{aligned} 71 & 72 \end{aligned}"
ENVIRONMENTS = {"array": "{rl}", "alignat": "{1}", "alignedat": "{1}"}
ROWS, LINES = r"a &= b \\ cc &= d", {"equation": "a = b"}
NOT_HERE = {r"\begin", r"\end"}  # of environments, which have a test of their own


def listed(kind: str) -> list[str]:
    """Return the commands of a kind."""
    lines = COMMANDS.read_text(encoding="utf-8").splitlines()
    rows = [line.removeprefix(f"{kind} ") for line in lines if line.startswith(f"{kind} ")]
    return COMMAND.findall(" ".join(rows)) if kind != "environment" else " ".join(rows).split()


def refused() -> dict[str, str]:
    """Return the refused commands from the README's table, with what to write instead."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("<!-- formulas -->")[2].partition("<!-- /formulas -->")[0]
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", table, re.MULTILINE)
    return {name: advice for names, advice in rows for name in re.findall(r"`\\(\w+)`", names)}


def formulas() -> list[str]:
    """Return formulas that have every command that is not refused."""
    left_out = refused()
    signs = [f"\\{name}" for name in listed("symbol") + listed("space") if name not in left_out]
    signs += [f"\\{name}{{abc}}" for name in listed("over") + listed("root")]
    signs += [f"\\unit{{\\{name}}}" for name in listed("unit")]
    environments = [
        f"\\begin{{{name}}}{ENVIRONMENTS.get(name, '')} {LINES.get(name, ROWS)} \\end{{{name}}}"
        for name in listed("environment")
    ]
    rows = [" x ".join(signs[n : n + 20]) for n in range(0, len(signs), 20)]
    return [*rows, *SAMPLES, *environments]


@pytest.fixture(scope="module")
def all_formulas(tmp_path_factory: pytest.TempPathFactory) -> SmallBook:
    """Return a book with a chapter of all formulas, one after the other."""
    program("pdftotext", "poppler-utils")
    book = SmallBook(tmp_path_factory.mktemp("formulas") / "book")
    book.add_pdf()
    displayed = [f"$${formula}$$" for formula in SAMPLES]
    book.chapter("\n\n".join([*(f"${formula}$" for formula in formulas()), *displayed]))
    shown = [*(f"x{space}x" for space in ("", *SPACES)), *LIMITS, BESIDE, ALIGNED]
    tables = "\n\n".join(f"$${formula}$$" for formula in [*MATRICES, NO_MATRIX])
    book.add_chapter("tables", f"# Tables\n\n{tables}")
    book.add_chapter("two", "# Two\n\n" + "\n\n".join(f"$${formula}$$" for formula in shown))
    assert book.run("build", "--renderer", "builtin") == 0
    return book


def test_all_commands_are_tried_or_refused():
    tried = {name for formula in SAMPLES for name in COMMAND.findall(formula)}
    known = {f"\\{name}" for name in listed("structure")} - NOT_HERE
    assert known <= {f"\\{name}" for name in tried | refused().keys()}
    assert len(listed("symbol")) > 2000


def test_every_formula_is_the_same_in_page_and_pdf(all_formulas):
    math = parse(all_formulas.page()).select("main math")
    assert len(math) == len(formulas()) + len(SAMPLES)
    assert (
        differences(all_formulas.root / "_book", all_formulas.root / "_book" / "Small-book.pdf")
        == {}
    )


def test_no_formula_leaves_the_page_or_covers_another(all_formulas):
    made = all_formulas.root / "_book" / "Small-book.pdf"
    assert pdf.outside(made) == []


def test_spaces_have_their_widths(all_formulas):
    tree = pdf.poppler("pdfinfo", "-struct", all_formulas.root / "_book" / "Small-book.pdf")
    boxes = re.findall(r"Formula:\s+/Placement /Block\s+/BBox \[(\S+) \S+ (\S+)", tree)
    count = len(SPACES) + len(LIMITS) + 3
    none, *widths = [float(right) - float(left) for left, right in boxes[-count:]][
        : len(SPACES) + 1
    ]
    em = widths[[*SPACES].index(r"\quad ")] - none
    measured = [(width - none) / em for width in widths]
    assert measured == pytest.approx([*SPACES.values()], abs=0.02)


def test_limits_are_below_and_indices_beside(all_formulas):
    page = pdf.pages(all_formulas.root / "_book" / "Small-book.pdf")[-1]
    below = [word for word in page.words if word.text == "123"]
    beside = [word for word in page.words if word.text.endswith("456")]
    assert (len(below), len(beside)) == (len(LIMITS), 3)
    middle = (below[0].left + below[0].right) / 2
    assert [(w.left + w.right) / 2 for w in below] == pytest.approx([middle] * len(below), abs=2)


def test_lines_are_aligned_at_the_ampersand(all_formulas):
    page = pdf.pages(all_formulas.root / "_book" / "Small-book.pdf")[-1]
    [seven], [eight] = ([w for w in page.words if w.text.endswith(digit)] for digit in "78")
    assert seven.right == pytest.approx(eight.right, abs=1)


def test_columns_of_a_matrix_are_apart_and_those_of_aligned_lines_meet(all_formulas):
    page = pdf.pages(all_formulas.root / "_book" / "Small-book.pdf")[-2]
    numbers = re.findall(r"\d\d", "".join(MATRICES))
    words = {word.text for word in page.words}
    assert {*numbers} <= {word.lstrip("−") for word in words}
    assert "7172" in words
    tables = parse(all_formulas.page("chapters/tables.html")).select("main mtable")
    marked = [table.get("class") == ["array"] for table in tables]
    assert marked == ["array" in formula for formula in [*MATRICES, NO_MATRIX]]


def test_the_others_are_refused_at_their_lines_with_advice(book_of, fails):
    samples = [REFUSED.get(name, rf"\{name} {{x}}") for name in refused()]
    book_of([*samples, *LAYOUT])
    message = fails("check")
    for line, (name, advice) in enumerate(refused().items()):
        [found] = re.findall(rf"chapters/one\.qmd:{3 + 2 * line}: .*", message)
        advised = all(code in found for code in re.findall("`(.*?)`", advice) or [advice[-20:]])
        assert advised or "unexpected control sequence" in found, name
    assert len(message.splitlines()) == len(samples) + len(LAYOUT)


@pytest.mark.parametrize("formula", ["x {", r"\foo", r"x \right)", r"\begin{foo} x \end{foo}"])
def test_an_unreadable_formula_is_reported_on_one_line(book_of, fails, formula):
    book_of([formula])
    assert re.fullmatch(r"error: chapters/one\.qmd:3: .* not supported: .*\n", fails("check"))


LONG = " + ".join(f"a_{{{n}}} x^{{{n}}}" for n in range(30))


@pytest.fixture
def book_of(book):
    """Return a function that writes the small book's chapter from these formulas."""
    book.add_pdf()

    def write(formulas: list[str]) -> SmallBook:
        book.chapter("\n\n".join(f"${formula}$" for formula in formulas))
        return book

    return write


def test_a_formula_that_is_too_wide_is_refused_at_its_line(book, fails):
    book.add_pdf()
    book.chapter(f"Text.\n\n$$\n{LONG.replace(' + ', chr(10) + '+ ', 3)}\n$$")
    message = fails("build", "--renderer", "builtin")
    assert re.search(r"chapters/one\.qmd:6: this formula is too wide for .*aligned", message)
