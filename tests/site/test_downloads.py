"""Links that download the kit or open a notebook elsewhere work."""

from __future__ import annotations

import json
import re
import zipfile
from urllib.parse import unquote

import pytest

from renderer.tests.support.books import SmallBook
from renderer.tests.support.processes import build
from renderer.tests.support.server import served

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("start", ["preface", "chapter"])
def test_the_kit_is_downloaded(site, visit, start):
    page = visit(site.url + ("index.html" if start == "preface" else site.chapter)).page
    with page.expect_download() as started:
        page.get_by_role("link", name="Kit", exact=True).click()
    assert started.value.suggested_filename.endswith("-kit.zip")
    with zipfile.ZipFile(started.value.path()) as kit:
        assert kit.testzip() is None
        assert site.chapter.split("/")[-1].replace(".html", ".ipynb") in kit.namelist()


@pytest.fixture
def published(request, tmp_path):
    """Return a small book whose configuration names its address, and the address."""
    if request.config.getoption("--site"):
        pytest.skip("concerns a small book built for this test, not the site of --site")
    book = SmallBook(tmp_path / "book")
    settings = '[tool.bookbuild]\nkit = "kit"\nbinder-path = "lab/tree/notebooks"\n'
    book.write("pyproject.toml", settings)
    book.write("kit/README.md", "# Read me\n")
    (book.root / "_book").mkdir()
    with served(book.root / "_book") as url:
        lines = f"  site-url: {url}\n  repo-url: https://git.example/a/b\n  title:"
        book.edit("_quarto.yml", "  title:", lines)
        yield book, url


@pytest.mark.parametrize("service", ["Colab", "Binder"])
def test_colab_and_binder_open_the_notebook(published, visit, service):
    book, url = published
    build(book.root)
    page = visit(url + "chapters/one.html").page
    page.route(re.compile("^https://"), lambda route: route.fulfill(body="the service"))
    page.get_by_role("link", name=service, exact=True).click()
    page.wait_for_url(re.compile("^https://"))
    if service == "Binder":
        assert page.url.endswith("?urlpath=lab%2Ftree%2Fnotebooks%2Fone.ipynb")
    else:
        answer = page.context.request.get(unquote(page.url.split("#fileId=")[1]))
        assert json.loads(answer.text())["nbformat"] == 4
