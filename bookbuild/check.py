"""What is wrong between the chapters: references, labels, citations and pictures.

One error tells all of it, each with its file and line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from bookbuild.pandoc import all_labels
from bookbuild.project import BookError, Chapter, Project, did_you_mean, error_at
from bookbuild.weave import Woven

Problem = tuple[str, str]  # a text that stands where the problem is, and the message


def check(
    project: Project, wovens: dict[Chapter, Woven], found: dict[Chapter, dict[str, Any]]
) -> None:
    """Raise one `BookError` for all problems; `found` is what `pandoc.collect` gave."""
    labels, keys = all_labels(found), _bibliography_keys(project)
    messages = []
    for chapter, held in found.items():
        problems = [(item["token"], item["message"]) for item in held["problems"]]
        problems += _references(held, labels)
        problems += _citations(held, keys)
        problems += _labels(chapter, held, labels)
        problems += _pictures(project, wovens[chapter], held)
        source = wovens[chapter].source
        messages += [str(error_at(source.path, source.line_of(t), text)) for t, text in problems]
    if messages:
        raise BookError("\n".join(dict.fromkeys(messages)))


def _references(held: dict[str, Any], labels: dict[str, Any]) -> Iterator[Problem]:
    for ref in held["refs"]:
        if ref not in labels:
            yield f"@{ref}", f"the reference @{ref} has no target{did_you_mean(ref, labels)}"

    for place in held["links"]:
        if place not in labels:
            near = did_you_mean(place, labels)
            yield f"#{place}", f"the link to #{place} leads nowhere{near}"


def _citations(held: dict[str, Any], keys: set[str]) -> Iterator[Problem]:
    for key in held["cites"]:
        if key not in keys:
            yield f"@{key}", f"the citation @{key} is in no .bib file{did_you_mean(key, keys)}"


def _bibliography_keys(project: Project) -> set[str]:
    texts = [path.read_text(encoding="utf-8") for path in project.bibliography]
    return {key for text in texts for key in re.findall(r"^\s*@\w+\s*\{\s*([^,\s]+)", text, re.M)}


def _labels(chapter: Chapter, held: dict[str, Any], labels: dict[str, Any]) -> Iterator[Problem]:
    for label in held["labels"]:
        if (other := labels[label["id"]]["page"]) != chapter.page:
            yield label["id"], f"the label `{label['id']}` is also in {other}"


def _pictures(project: Project, woven: Woven, held: dict[str, Any]) -> Iterator[Problem]:
    folder = (project.root / woven.source.path).parent
    for picture in map(unquote, held["pictures"]):
        if "//" in picture:
            yield picture, f"the picture {picture} is on another host: keep a copy in the project"
        elif picture not in woven.pictures and not (folder / picture).is_file():
            yield picture, f"the picture {picture} does not exist"
