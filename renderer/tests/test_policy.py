"""Test the content policy on HTML and CSS as browsers, pandas, polars and authors write it."""

from __future__ import annotations

import pandas
import polars
import pytest

from bookbuild.source.policy import TAGS, foreign_requests, is_blank, needs, violations

HOST = "https://other.example"

# HTML, and what it needs
NEEDS = {
    "<b>x</b>": [],
    "<p style='text-align: right;'>x</p>": [],
    "<table class='dataframe'><style>a {}</style><tr style='text-align: right;'>": [],
    "<table id='T_1'><style>#T_1 {color: red}</style><tr>": ["a style of its own"],
    "<p style='color: red'>x</p>": ["a style of its own"],
    "<p style='text-align: right; position: fixed'>x</p>": ["a style of its own"],
    "<p onclick='x()'>x</p>": ["a script"],
    "<SCRIPT>1</SCRIPT>": ["a script"],
    "<script src='x.js'></script>": ["a script"],
    "<p>Above</p><iframe srcdoc='x'></iframe>": ["a frame"],
    "<object data='x.html'></object>": ["a frame"],
    "<img src='a.png'>": [],
    "<img src='//example.org/a.png'>": ["a file from another host, or one within it"],
    "<img src='HTTP://example.org/a.png'>": ["a file from another host, or one within it"],
    "<img src='data:image/png;base64,AA'>": ["a file from another host, or one within it"],
    "<img srcset='//example.org/a.png 2x'>": ["a file from another host, or one within it"],
    "<video poster='//example.org/a.png'></video>": [
        "a file from another host, or one within it",
        "a program",
    ],
    "<a href='https://example.org'>x</a>": [],
    "<link rel=stylesheet href=x.css>": ["a file beside it"],
    "<base href='https://example.org'>": ["a file beside it"],
    "<form><input></form>": ["a program"],
    "<svg><path/></svg>": ["a drawing within it"],
    "<style>.a {color: red}</style>": [],  # there is nothing to style
    "<script>1</script><iframe></iframe>": ["a frame", "a script"],
    "a < b, and https://example.org/script.js": [],
    "<!-- <script>1</script> -->x": [],
    "<p>&lt;script&gt;1&lt;/script&gt;</p>": [],
}


@pytest.mark.parametrize("html", NEEDS)
def test_needs_of_html(html):
    assert needs(html) == NEEDS[html]


@pytest.mark.parametrize("tag", sorted({tag for tags in TAGS.values() for tag in tags}))
def test_every_tag_that_needs_something(tag):
    assert needs(f"<p>x</p><{tag}></{tag}>") != []
    assert needs(f"<p>x</p>\n<{tag.upper()}\nid='x'>") != []


def test_tables_of_libraries_need_nothing():
    assert needs(pandas.DataFrame({"a": [1, 2]})._repr_html_()) == []
    assert needs(polars.DataFrame({"a": [1, 2]})._repr_html_()) == []
    styled = pandas.DataFrame({"a": [1, -2]}).style.highlight_max(color="red")
    assert needs(styled._repr_html_()) == ["a style of its own"]


@pytest.mark.parametrize(
    ("html", "blank"),
    [
        ("", True),
        (" \n", True),
        ("<!-- nothing -->", True),
        ("<style>p {}</style>", True),
        ("<script>1</script>", True),
        ("<p> </p>", True),
        ("<p>x</p>", False),
        ("<img src='a.png'>", False),
        ("<table></table>", False),
    ],
)
def test_blank_html(html, blank):
    assert is_blank(html) == blank


# Raw HTML of an author: what is forbidden, and the tag that the message's line is found by

VIOLATIONS = {
    "<p>x</p><script>1</script>": [("<script>", "a script")],
    '<p onclick="x()">x</p>': [('<p onclick="x()">', "a script")],
    '<p style="color: red">x</p>': [('<p style="color: red">', "a style of its own")],
    "<style>p {color: red}</style>": [("<style>", "a style of its own")],
    '<iframe\n src="a.html"></iframe>': [("<iframe", "a frame")],
    '<img src="//example.org/a.png">': [
        ('<img src="//example.org/a.png">', "a file from another host, or one within it")
    ],
    '<link rel="stylesheet" href="a.css">': [
        ('<link rel="stylesheet" href="a.css">', "a file beside it")
    ],
    "<form><input><button>x</button></form>": [],
    '<svg viewBox="0 0 9 9"><circle r="9"/></svg>': [],
    '<video src="a.mp4"></video>': [],
    '<a href="https://example.org">x</a>': [],
    '<details open><summary class="x">x</summary></details>': [],
}


@pytest.mark.parametrize("html", VIOLATIONS)
def test_violations_of_raw_html(html):
    assert violations(html) == VIOLATIONS[html]


# Finished pages and stylesheets: every request to another host, and nothing else

REQUESTS = {
    "script": f'<script src="{HOST}/a.js"></script>',
    "script without a scheme": '<script src="//other.example/a.js"></script>',
    "capital letters": '<SCRIPT SRC="HTTPS://OTHER.EXAMPLE/a.js"></SCRIPT>',
    "no quotation marks": f"<script src={HOST}/a.js></script>",
    "line ends in a tag": f'<img\n  alt="x"\n  src="{HOST}/a.png"\n/>',
    "stylesheet": f'<link rel="stylesheet" href="{HOST}/a.css">',
    "stylesheet, address first": f'<link href="{HOST}/a.css" rel="alternate stylesheet">',
    "icon": f'<link rel="shortcut icon" href="{HOST}/a.ico">',
    "preload": f'<link rel="preload" href="{HOST}/a.woff2" as="font">',
    "module": f'<link rel="modulepreload" href="{HOST}/a.js">',
    "manifest": f'<link rel="manifest" href="{HOST}/a.json">',
    "picture": f'<img alt="" src="{HOST}/a.png">',
    "set of pictures": f'<img alt="" src="a.png" srcset="{HOST}/a.png 2x">',
    "second of a set": f'<img alt="" src="a.png" srcset="a.png 1x, {HOST}/a.png 2x">',
    "source": f'<picture><source srcset="{HOST}/a.webp"><img src="a.png"></picture>',
    "frame": f'<iframe src="{HOST}/a.html"></iframe>',
    "embedded": f'<embed src="{HOST}/a.svg">',
    "object": f'<object data="{HOST}/a.svg"></object>',
    "video": f'<video src="{HOST}/a.mp4"></video>',
    "poster": f'<video poster="{HOST}/a.png"></video>',
    "audio": f'<audio><source src="{HOST}/a.mp3"></audio>',
    "subtitles": f'<video><track src="{HOST}/a.vtt"></video>',
    "background": f'<table background="{HOST}/a.png"></table>',
    "picture of a button": f'<input type="image" src="{HOST}/a.png">',
    "picture in a drawing": f'<svg><image href="{HOST}/a.png"/></svg>',
    "symbol in a drawing": f'<svg><use xlink:href="{HOST}/a.svg#x"/></svg>',
    "import in a style": f'<style>@import "{HOST}/a.css";</style>',
    "import of a url": f"<style>@import url({HOST}/a.css);</style>",
    "picture in a style": f'<style>p {{background: url("{HOST}/a.png")}}</style>',
    "picture in an attribute": f"<p style=\"background: url('{HOST}/a.png')\">x</p>",
    "font": f"<style>@font-face {{src: local('x'), url( {HOST}/a.woff2 )}}</style>",
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_to_another_host(tmp_path, name):
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><html><body>{REQUESTS[name]}<p>x</p></body></html>")
    [address] = foreign_requests(page)
    assert "//other.example/a." in address.lower()


HARMLESS = {
    "link": f'<a href="{HOST}/a.html">x</a>',
    "text": f"<p>See {HOST}/a.js, or url({HOST}/a.png).</p>",
    "code": f'<pre><code>&lt;script src="{HOST}/a.js"&gt; @import "{HOST}/a.css"</code></pre>',
    "attribute of another meaning": f'<p title="{HOST}/a.js" data-src="{HOST}/a.js">x</p>',
    "alternative text": f'<img alt="{HOST}/a.png" src="a.png">',
    "canonical address": f'<link rel="canonical" href="{HOST}/a.html">',
    "description": f'<meta property="og:image" content="{HOST}/a.png">',
    "namespace": '<svg xmlns="http://www.w3.org/2000/svg" '
    'xmlns:xlink="http://www.w3.org/1999/xlink"><path d=""/></svg>',
    "citation": f'<blockquote cite="{HOST}/a.html">x</blockquote>',
    "comment": f'<!-- <img src="{HOST}/a.png"> -->',
    "own files": '<link rel="stylesheet" href="../a.css"><script src="a.js"></script>'
    '<img src="/a.png"><style>p {background: url(a.png)}</style>',
    "data": "<img src=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E\">",
    "text of a script": f'<script type="text/plain">const a = "url({HOST}/a.png)";</script>',
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_not_a_request(tmp_path, name):
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><html><body>{HARMLESS[name]}</body></html>")
    assert foreign_requests(page) == []


def test_every_request_is_reported(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("\n".join(REQUESTS.values()))
    assert len(foreign_requests(page)) == len(REQUESTS)


@pytest.mark.parametrize(
    ("css", "count"),
    [
        (f'@import "{HOST}/a.css";', 1),
        (f"@import url('{HOST}/a.css') screen;", 1),
        (f'@import"{HOST}/a.css";p{{color:red}}', 1),  # minified
        (f"p {{background: URL({HOST}/a.png)}} q {{cursor: url(//other.example/a.cur), auto}}", 2),
        ("@font-face {font-family: x; src: url(../a.woff2) format('woff2')}", 0),
        (
            "p {background: url(\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'\")}",
            0,
        ),
        (f"p::after {{content: '{HOST}'}}", 0),
        (f"/* see {HOST}/a.css */ p {{color: red}}", 0),
    ],
)
def test_requests_of_a_stylesheet(tmp_path, css, count):
    sheet = tmp_path / "a.css"
    sheet.write_text(css)
    assert len(foreign_requests(sheet)) == count


def test_the_probe_books_site_asks_no_other_host(probe):
    files = [*probe.rglob("*.html"), *probe.rglob("*.css")]
    assert len(files) > 5
    assert [(file.name, found) for file in files if (found := foreign_requests(file))] == []
