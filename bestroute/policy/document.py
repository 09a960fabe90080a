"""A parsed file: its value, with the line and column of every key and value in it.

Aliases are followed, and count as if they had been written out. Merge keys (`<<`) are YAML 1.1's: what a
mapping says itself goes before what it merges, and of several the first. Keys of the top that begin with `x-`
are the writer's own, a place for anchors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from bestroute.policy.compose import (
    MAX_DEPTH,
    MAX_NODES,
    POLICY,
    TAG,
    TOO_DEEP,
    TOO_MANY,
    UNPRINTABLE,
    Fault,
    Form,
    Place,
    Unreadable,
    compose,
    odd_indent,
    odd_space,
    place_of,
    read_scalar,
)

OWN = "x-"
"""How the writer's own keys begin."""
_BLOCKS = ("|", ">")  # whose last line break belongs to the layout, not to the text

Path: TypeAlias = "tuple[str | int, ...]"
"""Keys and indices from the top: ("tiers", 0, "model")."""


@dataclass
class Document:
    """A parsed file: its value, where every part of it stands, and how scalars without quotes are written."""

    value: Any = None
    places: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    quoted: set[Path] = field(default_factory=set)
    written: dict[Path, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    faulty: set[Path] = field(default_factory=set)
    form: Form = POLICY

    def fault(self, path: Path, message: str, place: Place | None = None) -> None:
        """Note a fault of the part at `path`."""
        self.faults.append(Fault(place or self.place(path), message))
        self.faulty.add(path)

    def place(self, path: Path) -> Place:
        """Where the part stands; for one that is not in the file, where the nearest part around it does."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(1, 1))

    def find(self, *steps: str | int) -> Iterator[tuple[Path, Any]]:
        """Every part at a path in which the step "*" stands for any index of a list."""
        found: list[tuple[Path, Any]] = [((), self.value)]
        for step in steps:
            found = [part for path, value in found for part in _step(path, value, step)]
        yield from found

    def texts(self, *steps: str | int) -> Iterator[tuple[Path, str]]:
        """As `find`, only the parts that are texts."""
        return ((path, value) for path, value in self.find(*steps) if isinstance(value, str))


def _step(path: Path, value: Any, step: str | int) -> Iterator[tuple[Path, Any]]:
    if step == "*" and isinstance(value, tuple):
        yield from (((*path, index), item) for index, item in enumerate(value))
    elif isinstance(value, dict) and step in value:
        yield (*path, step), value[step]


def spell(path: Path, form: Form = POLICY) -> str:
    """A path as people write it: `models[0].price`, or `the policy` for the top."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or f"the {form.noun}"


def read_document(source: str | bytes, form: Form = POLICY) -> Document:
    """Parse YAML; `form` is what messages call it.

    Raises Unreadable where there is nothing to go on with; other faults are in `faults`.
    """
    node = compose(source, form)
    if node is None:
        raise Unreadable(Place(1, 1), f"the file is empty; start from {form.example}")
    if not isinstance(node, yaml.MappingNode):
        raise Unreadable(place_of(node), f"a {form.noun} is a mapping; it starts with `{form.start}`")
    return _Builder(form).build(node)


def _is_merge(key: yaml.Node) -> bool:
    return isinstance(key, yaml.ScalarNode) and key.value == "<<" and not key.style


class _Builder:
    """Turns nodes into dicts, tuples and scalars, noting places and faults on the way."""

    def __init__(self, form: Form) -> None:
        self._document = Document(form=form)
        self._nodes = 0
        self._open: list[yaml.Node] = []

    def build(self, node: yaml.Node) -> Document:
        self._document.value = self._value(node, ())
        return self._document

    def _spell(self, path: Path) -> str:
        return spell(path, self._document.form)

    def _value(self, node: yaml.Node, path: Path) -> Any:
        self._document.places[path] = place_of(node)
        self._count(node)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if any(node is other for other in self._open):
            raise Unreadable(place_of(node), "this anchor holds an alias to itself")
        if len(self._open) >= MAX_DEPTH:
            raise Unreadable(place_of(node), TOO_DEEP)
        if node.tag not in (TAG + "map", TAG + "seq"):
            self._document.fault(path, f"{self._spell(path)} has the tag {_short_tag(node)}; remove it")
        self._open.append(node)
        value = (self._mapping if isinstance(node, yaml.MappingNode) else self._sequence)(node, path)
        self._open.pop()
        return value

    def _count(self, node: yaml.Node) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise Unreadable(place_of(node), TOO_MANY)

    def _sequence(self, node: yaml.Node, path: Path) -> tuple[Any, ...]:
        return tuple(self._value(item, (*path, index)) for index, item in enumerate(node.value))

    def _mapping(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key_node, value_node in self._pairs(node, path):
            key = self._key(key_node, path)
            if key is None or (not path and key.startswith(OWN)):
                continue
            here, place = (*path, key), place_of(key_node)
            if key in value:
                first = self._document.keys[here].line
                message = f"duplicate key {key!r} in {self._spell(path)} (first on line {first})"
                self._document.fault(here, message, place)
                continue
            self._document.keys[here] = place
            value[key] = self._value(value_node, here)
            if value[key] is None and here not in self._document.faulty:
                mend = "put a space after the `:`" if ":" in key else "give one or remove the key"
                message = f"{clip(key)} in {self._spell(path)} has no value; {mend}"
                self._document.fault(here, message, place)
        return value

    def _pairs(self, node: yaml.Node, path: Path) -> list[tuple[yaml.Node, yaml.Node]]:
        """The keys and values of a mapping, with those it merges that it does not have itself."""
        own = [pair for pair in node.value if not _is_merge(pair[0])]
        seen = {key.value for key, _ in own if isinstance(key, yaml.ScalarNode)}
        for key_node, value_node in node.value:
            for key, value in self._merged(value_node, path) if _is_merge(key_node) else ():
                if key.value not in seen:
                    own.append((key, value))
                    seen.add(key.value)
        return own

    def _merged(self, node: yaml.Node, path: Path) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        for one in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(one, yaml.MappingNode):
                message = (
                    f"<< in {self._spell(path)} merges mappings: write `<<: *name` or `<<: [*name, ...]`"
                )
                self._document.fault(path, message, place_of(one))
                continue
            if any(one is other for other in self._open):
                raise Unreadable(place_of(one), "this anchor holds an alias to itself")
            self._open.append(one)
            for pair in self._pairs(one, path):
                self._count(one)
                if isinstance(pair[0], yaml.ScalarNode):
                    yield pair
            self._open.pop()

    def _key(self, node: yaml.Node, path: Path) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            message = f"a key in {self._spell(path)} is a list or mapping; keys are texts"
        elif node.tag != TAG + "str":
            message = f"the key {clip(node.value)} in {self._spell(path)} is not a text; put it in quotes"
        elif UNPRINTABLE.search(node.value):
            message = (
                f"the key {clip(node.value)} in {self._spell(path)} holds a control character; remove it"
            )
        elif odd_space(node.value[:1]):
            message = f"{odd_space(node.value[:1])} stands before a key; use plain spaces"
        else:
            return str(node.value)
        self._document.faults.append(Fault(place_of(node), message))
        self._document.faulty.add(path)
        return None

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        if node.style:
            self._document.quoted.add(path)
        else:
            self._document.written[path] = node.value
            self._refuse_odd_indent(node)
        text = node.value.rstrip("\n") if node.style in _BLOCKS else node.value
        found = UNPRINTABLE.search(node.value)
        if found:
            mend = "put it in single quotes, where \\ is only itself" if node.style == '"' else "remove it"
            message = f"{self._spell(path)} holds the character U+{ord(found[0]):04X}; {mend}"
            self._document.fault(path, message)
            return None
        try:
            return read_scalar(node.tag.removeprefix(TAG), text)
        except ValueError:
            message = f"{clip(node.value)} cannot be read as {_short_tag(node)}"
        except LookupError:
            message = f"{self._spell(path)} has the tag {_short_tag(node)}; remove it"
        self._document.fault(path, message)
        return None

    def _refuse_odd_indent(self, node: yaml.ScalarNode) -> None:
        """Of a text that goes on over lines: one indented by what only looks like spaces is part of it."""
        begin, end = node.start_mark, node.end_mark
        if end.line > begin.line and begin.buffer is not None:
            _, *lines = begin.buffer[begin.pointer : end.pointer].split("\n")
            odd = odd_indent(lines, begin.line + 2)
            self._document.faults += [] if odd is None else [odd]


def clip(text: str) -> str:
    """A text in quotes, cut where it is long, with what cannot be seen written as escapes."""
    return repr(text) if len(text) <= 60 else repr(text[:56] + "...")


def _short_tag(node: yaml.Node) -> str:
    return "!!" + node.tag.removeprefix(TAG) if node.tag.startswith(TAG) else clip(node.tag)
