"""Read YAML files as flat keys ("book.title") with values and lines, and check their types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bookbuild.source.errors import BookError, error_at

# The type of a key's value, in the words of the messages.
TEXT, TEXTS, FLAG, WHOLE = "text", "text or a list of texts", "true or false", "a whole number"
ANYTHING = "anything"


@dataclass
class Config:
    """A YAML file's values and problems; an empty key counts as absent."""

    name: str
    values: dict[str, Any] = field(default_factory=dict)
    nodes: dict[str, yaml.Node] = field(default_factory=dict)
    empty: dict[str, yaml.Node] = field(default_factory=dict)
    problems: list[BookError] = field(default_factory=list)

    def problem(self, where: str | yaml.Node | None, message: str) -> None:
        """Record a problem with a key, with a node, or with the whole file (None)."""
        node = self.nodes.get(where) if isinstance(where, str) else where
        line = node.start_mark.line + 1 if node else None
        self.problems.append(error_at(self.name, line, message))

    def check(self, types: dict[str, str]) -> None:
        """Record each value that does not have its key's type, and drop it."""
        for key, expected in types.items():
            if key in self.values and not _has_type(expected, self.values[key]):
                actual = self._describe(key, expected)
                self.problem(key, f"`{key}` must be {expected}, not {actual}")
                del self.values[key]

    def _describe(self, key: str, expected: str) -> str:
        node = self.nodes[key]
        if not isinstance(node, yaml.ScalarNode):
            return "a list" if isinstance(node, yaml.SequenceNode) else "a group of keys"
        quoted = f'{key.rpartition(".")[2]}: "{node.value}"'
        advice = f"; put it in quotation marks, {quoted}" if expected in (TEXT, TEXTS) else ""
        return f"{node.value[:60]}{advice}"

    def shown(self, key: str) -> str:
        """Return a key's value for a message."""
        node = self.nodes[key]
        return f"`{str(node.value)[:60]}`" if isinstance(node, yaml.ScalarNode) else "a list"

    def texts(self, key: str) -> list[str]:
        """Return the texts of a key that holds one or several."""
        value = self.values.get(key, [])
        return value if isinstance(value, list) else [value]


def read(path: Path) -> Config:
    """Read a YAML file.

    Raises
    ------
    BookError
        If the file is missing, is not UTF-8 text or is not YAML of `key: value` lines.
    """
    if not path.is_file():
        raise BookError(f"{path.name}: not found in {path.parent}. Is this a book's root?")
    config = Config(path.name)
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8-sig"))
        root = loader.get_single_node()
        for key, node in _flat(config, root, ""):
            value = _value(config, loader, node)
            if value is None or value == {}:
                config.empty[key] = node
            else:
                config.nodes[key], config.values[key] = node, value
    except UnicodeDecodeError as error:
        line_of_byte = error.object[: error.start].count(b"\n") + 1
        raise error_at(path.name, line_of_byte, "not UTF-8 text; save the file as UTF-8") from None
    except yaml.reader.ReaderError as error:
        raise error_at(path.name, None, f"not YAML: {error.reason}, {error.character!r}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise error_at(path.name, line, f"not YAML: {error.problem}") from None
    return config


def _value(config: Config, loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    try:
        return loader.construct_document(node)
    except (ValueError, AttributeError) as error:  # an invalid date
        config.problem(node, f"not YAML: {error}")
        return None


def _flat(
    config: Config, node: yaml.Node | None, prefix: str, above: tuple[yaml.Node, ...] = ()
) -> Iterator[tuple[str, yaml.Node]]:
    if node is None:
        return
    if node in above:
        raise error_at(config.name, node.start_mark.line + 1, "these keys contain themselves")
    if not isinstance(node, yaml.MappingNode):
        raise error_at(config.name, node.start_mark.line + 1, "expected `key: value`")
    seen: dict[str, int] = {}
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        if name in seen:
            config.problem(key, f"`{name}` is also in line {seen[name]}; remove one of them")
        seen[name] = key.start_mark.line + 1
        if "." in str(key.value):
            message = f"the key `{key.value}` with dots is not supported: write nested keys"
            config.problem(key, message)
        elif isinstance(value, yaml.MappingNode) and value.value:
            yield from _flat(config, value, f"{name}.", (*above, node))
        else:
            value.start_mark = key.start_mark
            yield name, value


def _has_type(expected: str, value: Any) -> bool:
    if expected == TEXTS:
        return isinstance(value, str) or (
            isinstance(value, list) and all(isinstance(item, str) for item in value)
        )
    types = {TEXT: str, FLAG: bool, WHOLE: int}
    return expected == ANYTHING or (
        isinstance(value, types[expected]) and not (expected == WHOLE and isinstance(value, bool))
    )
