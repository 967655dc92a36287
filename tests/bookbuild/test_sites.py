"""Rules for every page of a built site, checked in the probe book and in the real one."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest

from tests.kit.pages import pages


@pytest.fixture(scope="module")
def site(built):
    return pages(built)


def test_every_link_and_anchor_resolves(built, site):
    seen = 0
    for name, page in site.items():
        for element in page.select("[href], [src]"):
            target = element.get("href") or element["src"]
            if re.match(r"\w+:", target):
                continue
            path, _, anchor = unquote(target).partition("#")
            file = (built / name).parent / path if path else built / name
            assert file.is_file(), f"{name}: {target} is no file"
            if anchor:
                other = site[file.resolve().relative_to(built.resolve()).as_posix()]
                assert other.find(id=anchor), f"{name}: {target} has no target"
            seen += 1
    assert seen > 50


def test_ids_are_given_once(site):
    for name, page in site.items():
        ids = [element["id"] for element in page.select("[id]")]
        assert len(ids) == len(set(ids)), (name, sorted(i for i in ids if ids.count(i) > 1))


def test_the_policy_is_tight_and_nothing_breaks_it(site):
    for name, page in site.items():
        (policy,) = page.select('meta[http-equiv="Content-Security-Policy"]')
        assert policy["content"].startswith("default-src 'self';"), name
        assert "unsafe" not in policy["content"], name
        assert not page.select("style, [style], script:not([src])"), name
        assert not [a for e in page.find_all(True) for a in e.attrs if a.startswith("on")], name


def test_every_picture_has_its_size_and_alternative_text(site):
    for name, page in site.items():
        for image in page.find_all("img"):
            assert image["alt"].strip(), (name, image["src"])
            assert image.get("width"), f"{name}: {image['src']} moves the text when it loads"
