"""Find the lines of a chapter's problems by the texts that they are about."""

from __future__ import annotations

import re
from collections import Counter
from html import escape
from urllib.parse import unquote

from bookbuild.render.book import Page
from bookbuild.source import qmd, syntax
from bookbuild.source.project import HEADER

COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
BEFORE_ADDRESS = r"""(?:\]\(\s*<?|\]:\s*<?|=\s*["']?|<)"""


class Places:
    """The lines of one chapter; the second of two equal problems is at the second match."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.text = _without_blocks(page.source.lines)
        self.prose = COMMENT.sub(_blank, qmd.CODE_SPAN.sub(_blank_code, self.text))
        self.seen: Counter[tuple[str, str]] = Counter()

    def line(self, text: str, message: str) -> int:
        """Return the line of a problem with a text; 0 if unknown."""
        words = r"(?<!\\)" + r"\s*".join(map(re.escape, text.split()))
        pattern = words + (r"(?![\w-])" if text[-1:].isalnum() else "")
        found = self._find(pattern, text, message) if text else None
        return found or self.page.woven.line_of(text) or 0

    def line_of_address(self, address: str, message: str) -> int:
        """Return the line of a problem with a link."""
        spellings = {address, unquote(address), escape(address)}
        pattern = "|".join(re.escape(each) for each in sorted(spellings, key=len, reverse=True))
        found = self._find(f"{BEFORE_ADDRESS}(?:{pattern})(?![\\w-])", address, message)
        return found or self.line(address, message)

    def line_of_html(self, text: str) -> int:
        """Return the line of the next piece of raw HTML in the chapter; 0 if unknown."""
        tags = [match[1].lower() for match in syntax.TAG.finditer(text)]
        for tag in tags:
            self.seen[tag, ""] += 1
        matches = [m for m in syntax.TAG.finditer(self.prose) if m[1].lower() in tags[:1]]
        nth = self.seen[tags[0], ""] - tags.count(tags[0]) if tags else len(matches)
        return self.line_at(matches[nth].start()) if nth < len(matches) else 0

    def find(self, pattern: str) -> re.Match[str] | None:
        """Return the next match of a pattern in the prose."""
        matches = [*re.finditer(pattern, self.prose, re.MULTILINE)]
        self.seen[pattern, ""] += 1
        return matches[min(self.seen[pattern, ""], len(matches)) - 1] if matches else None

    def line_at(self, position: int) -> int:
        """Return the line of a position in the prose."""
        return self.prose.count("\n", 0, position) + 1

    def _find(self, pattern: str, text: str, message: str) -> int | None:
        matches = [*re.finditer(pattern, self.prose)]
        self.seen[text, message] += 1
        nth = min(self.seen[text, message], len(matches)) - 1
        return self.line_at(matches[nth].start()) if matches else None


def _without_blocks(lines: tuple[str, ...]) -> str:
    """Return a chapter's text with its header and code blocks, but not raw text, blanked."""
    out, closing, is_raw = [], "", False
    for line in lines:
        fence = qmd.FENCE.match(line)
        if not closing and fence:
            closing, is_raw = fence["ticks"], fence["info"].startswith("{=")
            out.append("")
        elif closing and fence and not fence["info"] and fence["ticks"].startswith(closing):
            closing = ""
            out.append("")
        else:
            out.append("" if closing and not is_raw else line)
    return HEADER.sub(_blank, "\n".join(out))


def _blank_code(span: re.Match[str]) -> str:
    is_raw = span.string.startswith("{=", span.end())
    return span[0] if is_raw else qmd.blank_code(span)


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])
