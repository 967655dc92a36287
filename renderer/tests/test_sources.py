"""A mistake in the sources stops the build; the message names the mistake and its line."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from bookbuild.source import project, qmd

ONE = "chapters/one.qmd"

# The chapter's body from line 3 on; then the line in the message, and words of the message.
BODIES = {
    "unknown option": ("```{python}\n#| lable: x\n1\n```", 4, ["`lable`", "label?"]),
    "option of the wrong type": ("```{python}\n#| echo: maybe\n1\n```", 4, ["`echo`", "'maybe'"]),
    "number for a text": ("```{python}\n#| fig-alt: 3\n1\n```", 4, ["`fig-alt`", "text"]),
    "options that are not YAML": ('```{python}\n#| label: "x\n1\n```', 4, ["not YAML"]),
    "options that are not a mapping": ("```{python}\n#| label\n1\n```", 4, ["key: value"]),
    "option below the code": ("```{python}\n1\n# | echo: false\n```", 5, ["first lines"]),
    "option below an empty line": ("```{python}\n\n#| fig-cap: A.\n1\n```", 5, ["first lines"]),
    "label with a space": ("```{python}\n#| label: a b\n1\n```", 3, ["letters, digits"]),
    "figure without caption": ("```{python}\n#| label: fig-x\n1\n```", 3, ["fig-x", "fig-cap"]),
    "figure without alt text": (
        "```{python}\n#| label: fig-x\n#| fig-cap: A.\n1\n```",
        3,
        ["fig-x", "fig-alt"],
    ),
    "caption without label": ("```{python}\n#| tbl-cap: A.\n1\n```", 3, ["tbl-"]),
    "label used twice": (
        "```{python}\n#| label: x\n```\n\n```{python}\n#| label: x\n```",
        7,
        ["line 3"],
    ),
    "inline code in a caption": (
        '```{python}\n#| label: fig-x\n#| fig-cap: "`{python} x`"\n#| fig-alt: A.\n1\n```',
        3,
        ["inline code"],
    ),
    "another language": ("```{r}\n1\n```", 3, ["{r}"]),
    "options in the fence": ("```{python label=x}\n1\n```", 3, ["label=x"]),
    "indented cell": ("- item\n\n  ```{python}\n  1\n  ```", 5, ["left margin"]),
    "cell in a quote": ("> ```{python}\n> 1\n> ```", 3, ["left margin"]),
    "tilde cell": ("~~~{python}\n1\n~~~", 3, ["left margin"]),
    "raw text of an unknown format": ("```{=latex}\nx\n```", 3, ["latex"]),
    "fence never closed": ("text\n\n```{python}\n1", 5, ["never closed"]),
    "plain fence never closed": ("```\n1", 3, ["never closed"]),
    "div never closed": ("::: {.callout-note}\ntext", 3, ["never closed"]),
    "div closed twice": ("::: {.callout-note}\ntext\n:::\n\n:::", 7, ["closes no div"]),
    "unknown div class": ("::: {.callout-nope}\nx\n:::", 3, [".callout-nope", "callout-note?"]),
    "unknown div attribute": ('::: {.callout-note collaps="true"}\nx\n:::', 3, ["`collaps`"]),
    "unparseable div attributes": ("::: {.callout-note ?}\nx\n:::", 3, ["cannot parse"]),
    "div without an empty line above": ("text\n::: {.callout-note}\nx\n:::", 4, ["empty line"]),
    "inline code of another language": ("Text `{r} 1 + 1`.", 3, ["{r} 1 + 1"]),
    "inline code without a space": ("Text `{python}x`.", 3, ["{python}x"]),
    "reference without a target": ("\nSee @fig-nothing.", 4, ["@fig-nothing"]),
    "misspelt reference": ("See @sec-on.", 3, ["did you mean sec-one"]),
    "unknown citation": ("Says @knwon1925.", 3, ["@knwon1925", "known1925?"]),
    "missing picture": ('![A.](no.png){#fig-x fig-alt="B."}', 3, ["no.png", "does not exist"]),
    "picture on another host": ("![A](https://example.org/a.png) text", 3, ["another host"]),
    "picture without alt text": ("text ![](../p.png)", 3, ["alt text"]),
    "figure with a caption only": ("![A.](../p.png){#fig-x}", 3, ["fig-alt"]),
    "unknown picture class": ('![A.](../p.png){.big fig-alt="B."}', 3, ["`.big`"]),
    "picture with a width in per cent": ('![A.](../p.png){width=50% fig-alt="B."}', 3, ["pixels"]),
    "figure label used twice": (
        '![A.](../p.png){#fig-x fig-alt="B."}\n\n![C.](../p.png){#fig-x fig-alt="D."}',
        3,
        ["fig-x", "twice"],
    ),
    "cell and heading with the same name": (
        "## Log\n\n```{python}\n#| label: log\n1\n```",
        6,
        ["`log`"],
    ),
    "table without caption": ("| a |\n|---|\n| 1 |\n\n: {#tbl-x}", 7, ["tbl-x", "caption"]),
    "figure div without caption": ("::: {#fig-x}\n```\nx\n```\n:::", 3, ["caption"]),
    "link to a file": ("[one](one.qmd)", 3, ["@sec-name"]),
    "link without a target": ("[one](one.qmd#gl-none)", 3, ["#gl-none", "no target"]),
    "missing footnote": ("Text[^none].", 3, ["[^none]"]),
    "footnote defined twice": ("Text[^a].\n\n[^a]: A.\n\n[^a]: B.", 7, ["Duplicate note"]),
    "unused footnote": ("Text.\n\n[^a]: A.", 5, ["not used"]),
    "attributes without an element": ("Text\n{#fig-x} more.", 4, ["{#fig-x}"]),
    "invalid formula": ("Text.\n\n$$\n\\fraq{1}{2}\n$$", 6, ["\\fraq"]),
    "heading id used twice": ("## A {#sec-a}\n\n## B {#sec-a}", 5, ["sec-a"]),
    "two titles": ("# Another", 3, ["one title"]),
    "raw style": ('```{=html}\n<p style="color: red">x</p>\n```', 4, ["policy"]),
    "raw frame in apostrophes": ("<iframe src='a.html'></iframe>", 3, ["policy"]),
    "raw frame in capitals": ('Text.\n\n<IFRAME SRC="a.html"></IFRAME>', 5, ["policy"]),
    "raw frame over two lines": ('Text <iframe\nsrc="a.html"></iframe>.', 3, ["policy"]),
    "raw script": ("Text `<script>1</script>`{=html}.", 3, ["policy"]),
}


@pytest.mark.parametrize("name", BODIES)
def test_fault_in_a_chapter(book, fails, name):
    body, line, words = BODIES[name]
    book.write("p.png", "")
    book.chapter(body)
    message = fails("check")
    assert f"{ONE}:{line}: " in message
    for word in words:
        assert word in message


# A file of the book, the old text (all of it if None) and the new; then the place in the message,
# and words of the message.
YML = "_quarto.yml"
BOOKS = {
    "configuration that is not YAML": (YML, None, "a: [1\nb: 2\n", "_quarto.yml:2", ["YAML"]),
    "unknown key": (
        YML,
        "  title:",
        "  titel: x\n  title:",
        f"{YML}:6",
        ["book.titel", "book.title?"],
    ),
    "unsupported key": (
        YML,
        "bibliography:",
        "csl: x.csl\nbibliography:",
        f"{YML}:8",
        ["csl"],
    ),
    "another math method": (YML, "mathml", "katex", f"{YML}:13", ["mathml", "katex"]),
    "no title": (YML, "title: Small book", "subtitle: x", YML, ["book.title"]),
    "missing bibliography": (YML, "references.bib", "none.bib", f"{YML}:8", ["none.bib"]),
    "listed chapter that does not exist": (
        YML,
        "one.qmd",
        "two.qmd",
        f"{YML}:7",
        ["chapters/two.qmd"],
    ),
    "chapter listed twice": (YML, "one.qmd", "one.qmd, chapters/one.qmd", f"{YML}:7", ["twice"]),
    "malformed part": (YML, "chapters/one.qmd]", "{part: x}]", f"{YML}:7", ["part:"]),
    "index not first": (YML, "index.qmd, ", "", f"{YML}:7", ["index.qmd"]),
    "chapter not listed": ("new.qmd", None, "# New\n", "new.qmd", ["not listed"]),
    "chapter without title": (ONE, None, "Text.\n", f"{ONE}:1", ["# Title"]),
    "empty chapter": (ONE, None, "", f"{ONE}:1", ["# Title"]),
    "header never closed": (ONE, None, "---\nx: y\n", f"{ONE}:1", ["never closed"]),
    "inline code without a cell": (
        ONE,
        None,
        "# One\n\nTwo is `{python} 1 + 1`.\n",
        f"{ONE}:3",
        ["without cells"],
    ),
    "unknown header key": (ONE, None, "---\ntitel: x\n---\n\n# One\n", f"{ONE}:2", ["titel"]),
    "label in two chapters": (
        "index.qmd",
        "# Preface {",
        "# P {#sec-one ",
        "index.qmd:1",
        [ONE[:-4]],
    ),
}


@pytest.mark.parametrize("name", BOOKS)
def test_fault_in_a_book(book, fails, name):
    file, old, new, where, words = BOOKS[name]
    if old is None:
        book.write(file, new)
    else:
        book.edit(file, old, new)
    message = fails("check")
    assert f"{where}: " in message
    for word in words:
        assert word in message


def test_unnumbered_appendix(book, fails):
    book.edit(YML, ", chapters/one.qmd]", "]\n  appendices: [chapters/one.qmd]")
    assert book.run("check") == 0
    book.write(ONE, "# One {.unnumbered}\n")
    assert f"{ONE}: an appendix is lettered" in fails("check")


def test_no_configuration(book, fails):
    (book.root / YML).unlink()
    assert "_quarto.yml: not found" in fails("check")


def test_file_that_is_not_utf8(book, fails):
    (book.root / ONE).write_bytes(b"# One\n\n\xff\n")
    assert f"{ONE}:3: not UTF-8" in fails("check")


def test_all_problems_are_reported_at_once(book, fails):
    book.chapter("See @fig-a and @fig-b.")
    message = fails("check")
    assert "@fig-a" in message and "@fig-b" in message


def test_check_executes_nothing(book):
    book.chapter('```{python}\nopen("ran", "w")\n```')
    assert book.run("check") == 0
    assert not (book.root / "ran").exists()


def test_chapter_numbers(book):
    listed = (
        "[index.qmd, {part: P, chapters: [chapters/one.qmd, chapters/u.qmd]}, chapters/two.qmd]"
    )
    appendices = "appendices: [chapters/a.qmd, chapters/b.qmd]"
    book.edit(YML, "[index.qmd, chapters/one.qmd]", f"{listed}\n  {appendices}")
    for name in ("two", "a", "b"):
        book.write(f"chapters/{name}.qmd", f"# {name}\n")
    book.write("chapters/u.qmd", "# Between {#sec-u .unnumbered}\n")
    chapters = project.load(book.root).chapters
    assert [(c.page, c.label, c.part) for c in chapters] == [
        ("index.html", "", ""),
        ("chapters/one.html", "1", "P"),
        ("chapters/u.html", "", "P"),
        ("chapters/two.html", "2", ""),
        ("chapters/a.html", "Appendix A", "Appendices"),
        ("chapters/b.html", "Appendix B", "Appendices"),
    ]


def test_lines_of_cells_and_inline_code(book):
    book.write(
        ONE,
        "---\ndescription: About.\n---\n\n# One\n\nA `{python} x` and `` `{python} no` ``.\n\n"
        "```python\n`{python} verbatim`\n```\n\n"
        "```{python}\n#| label: a\n#| echo: false\n```\n"
        "\n````\n```{python}\nnot a cell\n```\n````\n\n```{python}\n\nx = 1\n```\n",
    )
    source = qmd.read(book.root, PurePosixPath(ONE))
    assert source.meta == {"description": "About."}
    assert [(i.expression, i.line) for i in source.inlines] == [("x", 7)]
    assert [(c.id, c.code, c.line, c.code_line) for c in source.cells] == [
        ("a", "", 13, 16),
        ("cell-2", "x = 1", 24, 26),
    ]
    assert source.cells[0].options.echo is False


def test_options_are_recognised_as_quarto_does(book):
    """Quarto's pattern is ^#\\s*\\| ?; black writes a space after the number sign."""
    forms = ["#|", "#| ", "# |", "# | ", "#  | ", "#\t| "]
    cells = [
        f"```{{python}}\n{form}label: a-{n}\n#| echo: false\n1  # | ok\n```"
        for n, form in enumerate(forms)
    ]
    book.chapter("\n\n".join([*cells, "```{python}\n#  a | b\n# | c\n```"]))
    source = qmd.read(book.root, PurePosixPath(ONE))
    assert source.problems == ()
    *read, plain = source.cells
    assert [cell.id for cell in read] == [f"a-{n}" for n in range(len(forms))]
    assert {(cell.code, cell.options.echo) for cell in read} == {("1  # | ok", False)}
    assert plain.code == "#  a | b\n# | c"


ENDS = ["exit()", "quit()", "exit", "quit(0)", "for n in range(3):\n    exit()", "%time 1\nexit()"]


@pytest.mark.parametrize("code", ENDS)
def test_a_call_that_would_not_end_the_notebook_is_refused(book, code):
    book.chapter(f"```{{python}}\n#| label: a\n1\n```\n\n```{{python}}\n\n{code}\n```")
    [(line, message)] = qmd.read(book.root, PurePosixPath(ONE)).problems
    assert line == 10 + code.count("\n")
    assert message.startswith(("`exit` ends nothing here", "`quit` ends nothing here"))


def test_what_ends_a_chapter_or_is_the_authors_own_is_not_refused(book):
    """The kernel reports the first three."""
    own = ["sys.exit()", "os._exit(1)", "raise SystemExit", "door.exit()", "'exit()'", "x = exit"]
    later = ["from sys import exit", "exit()", "def quit(): pass", "quit()", "x = ("]
    book.chapter("\n\n".join(f"```{{python}}\n{code}\n```" for code in [*own, *later]))
    assert qmd.read(book.root, PurePosixPath(ONE)).problems == ()


def test_a_backtick_in_verbatim_text_does_not_start_inline_code(book):
    book.chapter("```\nit's `odd\n```\nthen `{python} x` and `y`.\n\n```{python}\nx = 1\n```")
    assert [i.expression for i in qmd.read(book.root, PurePosixPath(ONE)).inlines] == ["x"]


def test_backticks_that_begin_no_code(book):
    starts = [r"\`", r"a\`b", r"\\\`", r"\``y`", "``` x", r"`\`", "`` ` ``"]
    texts = [f"A {start} then `{{python}} x` and `y`." for start in starts]
    book.chapter("```{python}\nx = 1\n```\n\n" + "\n\n".join(texts))
    source = qmd.read(book.root, PurePosixPath(ONE))
    assert [i.expression for i in source.inlines] == ["x"] * len(starts)
    assert book.run("build", "--renderer", "builtin") == 0
    assert "{python}" not in book.page()


def test_code_keeps_its_characters(book):
    book.chapter('```{python}\nx = "a\tb\u2028c"\n```')
    assert qmd.read(book.root, PurePosixPath(ONE)).cells[0].code == 'x = "a\tb\u2028c"'


def test_the_notebook_is_valid_and_complete(book):
    import nbformat

    source = qmd.read(book.root, PurePosixPath(ONE))
    node = nbformat.from_dict(qmd.notebook(source, [[]], ["42"]))
    nbformat.validate(node)
    assert [cell.id for cell in node.cells] == ["text-1", "first"]
    assert "prose with 42 in it" in node.cells[0].source
