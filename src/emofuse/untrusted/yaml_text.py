"""The one reader of YAML: plain values only, no tags, no merge keys, and no more than a person would write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

# A recipe, a list of label pairs or the head of a card; the longest of ours has three kilobytes and 200 values.
MOST_BYTES = 64 * 2**10
MOST_VALUES = 10_000
DEEPEST = 24
LARGEST_INTEGER = 2**63
# libyaml where there is one: it takes a tenth of the time.
_PARSER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


class _Scalars(yaml.constructor.SafeConstructor, yaml.resolver.Resolver):
    """The values of single words: `3e-5` is a number, and a date is a text."""

    def __init__(self) -> None:
        yaml.constructor.SafeConstructor.__init__(self)
        yaml.resolver.Resolver.__init__(self)

    def value_of(self, event: yaml.ScalarEvent) -> Any:
        """Return the value of a scalar.

        Raises:
            ValueError: it is a number that cannot be read, or of more than 64 bits.
        """
        tag = self.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]  # no stub
        make = self.yaml_constructors.get(tag, yaml.constructor.SafeConstructor.construct_yaml_str)
        try:
            value = make(self, yaml.ScalarNode(tag, event.value))
        except (ValueError, LookupError, OverflowError) as error:
            raise ValueError(f"line {_line(event)}: {event.value[:40]!r} is no number") from error
        if isinstance(value, int) and abs(value) >= LARGEST_INTEGER:
            raise ValueError(f"line {_line(event)}: a whole number has more than 64 bits")
        return value


_Scalars.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag.rpartition(":")[2] in ("bool", "int", "float", "null")]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Scalars.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d[\d_]*)(?:\.\d*)?(?:[eE][-+]?\d+)$"),
    list("-+0123456789"),
)


@dataclass
class _Open:
    """A list or mapping that is being read.

    Attributes:
        held: what is in it so far.
        anchor: the name by which an alias would refer to it.
        values: how many values are in it, aliases written out.
        key: of a mapping, what comes next belongs to; empty before a key.
    """

    held: dict[Any, Any] | list[Any]
    anchor: str | None = None
    values: int = 1
    key: tuple[Any, ...] = ()

    def add(self, value: Any, count: int, line: int) -> None:
        """Put one value in: an entry of a list, or a key or a value of a mapping."""
        self.values += count
        if isinstance(self.held, list):
            self.held.append(value)
        elif self.key:
            self.held[self.key[0]], self.key = value, ()
        elif isinstance(value, (dict, list)):
            raise ValueError(f"line {line}: a key is a list or a mapping; write a word")
        elif value == "<<":
            raise ValueError(f"line {line}: merge keys (<<) are not read; write the values out")
        elif value in self.held:
            raise ValueError(f"line {line}: the key {str(value)[:40]!r} stands there twice")
        else:
            self.key = (value,)


@dataclass
class _Document:
    """One document, built while its events are read; what is too much is refused before it is built."""

    most_values: int
    aliases: bool
    scalars: _Scalars = field(default_factory=_Scalars)
    open: list[_Open] = field(default_factory=lambda: [_Open([])])
    anchored: dict[str, tuple[Any, int]] = field(default_factory=dict)

    def take(self, event: yaml.Event) -> None:
        """Read one event."""
        line = _line(event)
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None and not self.aliases:
            raise ValueError(f"line {line}: anchors and aliases (& and *) are not read; write the values out")
        if isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)) and event.tag not in (None, "!"):
            raise ValueError(f"line {line}: the tag {event.tag[:40]!r} is not read; write a plain value")
        if isinstance(event, yaml.ScalarEvent):
            self._put(self.scalars.value_of(event), 1, line, event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchored:
                raise ValueError(f"line {line}: *{event.anchor} stands before its &{event.anchor}, or within it")
            self._put(*self.anchored[event.anchor], line)
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(self.open) > DEEPEST:
                raise ValueError(f"line {line}: it is nested in more than {DEEPEST} levels")
            self.open.append(_Open({} if isinstance(event, yaml.MappingStartEvent) else [], event.anchor))
        elif isinstance(event, yaml.CollectionEndEvent):
            ended = self.open.pop()
            self._put(ended.held, ended.values, line, ended.anchor)

    def _put(self, value: Any, count: int, line: int, anchor: str | None = None) -> None:
        if anchor is not None:
            self.anchored[anchor] = value, count
        self.open[-1].add(value, count, line)
        if sum(one.values for one in self.open) > self.most_values:
            raise ValueError(f"it holds more than {self.most_values:,} values")


def parse_yaml(
    text: str, most_bytes: int = MOST_BYTES, most_values: int = MOST_VALUES, aliases: bool = False
) -> Any:
    """Return the value of a YAML text; None where it is empty.

    >>> parse_yaml("lr: 3e-5")
    {'lr': 3e-05}

    Args:
        text: of the file.
        most_bytes: a longer one is not read.
        most_values: one with more values, aliases written out, is not built.
        aliases: read anchors and aliases.

    Raises:
        ValueError: it is too long, is not YAML, or holds what is not read; the message says which.
    """
    if len(text) > most_bytes or len(text.encode("utf-8", "surrogatepass")) > most_bytes:
        raise ValueError(f"it is longer than {most_bytes:,} bytes")
    document, documents = _Document(most_values, aliases), 0
    for event in _events(text):
        documents += isinstance(event, yaml.DocumentStartEvent)
        if documents > 1:
            raise ValueError("it holds several documents; write one")
        document.take(event)
    (whole,) = document.open
    return whole.held[0] if whole.held else None


def _line(event: yaml.Event) -> int:
    return 0 if event.start_mark is None else event.start_mark.line + 1


def _events(text: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=_PARSER)
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise ValueError(str(error)) from error
