"""What readers take away or open elsewhere: the links do what they say."""

from __future__ import annotations

import json
import re
import zipfile
from urllib.parse import unquote

import pytest

from tests.kit.books import SmallBook
from tests.kit.processes import start
from tests.kit.server import served

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("at", ["preface", "chapter"])
def test_the_kit_comes_as_a_file(site, visit, at):
    page = visit(site.url + ("index.html" if at == "preface" else site.chapter)).page
    with page.expect_download() as started:
        page.get_by_role("link", name="Kit", exact=True).click()
    assert started.value.suggested_filename.endswith("-kit.zip")
    with zipfile.ZipFile(started.value.path()) as kit:
        assert kit.testzip() is None
        assert site.chapter.split("/")[-1].replace(".html", ".ipynb") in kit.namelist()


@pytest.fixture
def published(book: SmallBook):
    """A book as it is built for an address, served there."""
    book.write("kit/README.md", "# Read me\n")
    (book.root / "_book").mkdir()
    with served(book.root / "_book") as url:
        lines = f"  site-url: {url}\n  repo-url: https://git.example/a/b\n  title:"
        book.edit("_quarto.yml", "  title:", lines)
        yield book, url


@pytest.mark.parametrize("service", ["Colab", "Binder"])
def test_a_service_is_asked_for_the_notebook(published, visit, service):
    book, url = published
    # a process of its own: an event loop is running here
    assert start(book, "build", "--renderer", "builtin").wait() == 0
    page = visit(url + "chapters/one.html").page
    page.route(re.compile("^https://"), lambda route: route.fulfill(body="the service"))
    page.get_by_role("link", name=service, exact=True).click()
    page.wait_for_url(re.compile("^https://"))
    if service == "Binder":
        assert page.url.endswith("?urlpath=lab%2Ftree%2Fnotebooks%2Fone.ipynb")
    else:
        answer = page.context.request.get(unquote(page.url.split("#fileId=")[1]))
        assert json.loads(answer.text())["nbformat"] == 4
