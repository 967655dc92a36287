"""Every internal link, anchor and picture of the site is there."""

from __future__ import annotations

from urllib.parse import unquote, urldefrag


def test_every_internal_link_and_anchor_resolves(site, visit):
    page = visit(site.url).page
    links, ids = [], {}
    for path in site.pages:
        page.goto(site.url + path)
        address = page.url
        ids[address] = set(page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)"))
        hrefs = page.evaluate("[...document.querySelectorAll('[href]')].map(e => e.href)")
        links += [(path, *urldefrag(href)) for href in hrefs if href.startswith(site.url)]
    assert len(links) > 50
    dead = [(path, href) for path, href, _ in links if not is_file(site, href)]
    lost = [
        (path, href, fragment)
        for path, href, fragment in links
        if fragment and unquote(fragment) not in ids.get(href, set())
    ]
    assert (dead, lost) == ([], [])


def is_file(site, href: str) -> bool:
    return (site.folder / unquote(href.removeprefix(site.url))).is_file()


def test_ids_are_unique(site, visit):
    page = visit(site.url).page
    for path in site.pages:
        page.goto(site.url + path)
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
        assert len(ids) == len(set(ids)), f"{path}: {sorted(i for i in ids if ids.count(i) > 1)}"


def test_every_picture_loads_and_has_its_size_and_alt_text(site, visit):
    page = visit(site.url).page
    for path in site.pages:
        page.goto(site.url + path)
        pictures = page.evaluate("""() => Promise.all([...document.images].map(async (image) => {
            image.loading = "eager";
            await image.decode().catch(() => {});
            return [image.src, image.naturalWidth, image.alt, image.getAttribute("width")];
        }))""")
        for source, width, alt, declared in pictures:
            assert width > 0, f"{path}: {source} does not load"
            assert alt.strip(), f"{path}: {source} has no alt text"
            assert declared, f"{path}: {source} moves the text when it loads: it has no width"
