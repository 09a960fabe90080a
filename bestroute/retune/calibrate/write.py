"""Changes the dial in the text of a policy, and nothing else of it but a comment that says where it is from;
where they are given, the limits of its tiers too.

Not YAML in and YAML out, which would lose comments and layout: the characters of a number are replaced, and
where a tier has none, it is added. What comes out is parsed again and must be the same policy but for these
numbers.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from bestroute.errors import InputError, PolicyError
from bestroute.files import atomic_write
from bestroute.policy import Policy, parse_policy
from bestroute.policy.compose import POLICY, UNPRINTABLE, compose
from bestroute.retune.calibrate.shape import limited

_EARLIER = re.compile(r"[ \t]*# \d{4}-\d\d-\d\d bestroute (calibrate|init) .*")
_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_BOM = "\ufeff"
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")  # an anchor, a tag
_NUMBER = re.compile(r"[-+.0-9a-fox]+", re.IGNORECASE)
_ALIAS = re.compile(r"\s*:\s*\*[^\s,\[\]{}]+")  # what stands after a key


class _Edit(NamedTuple):
    """Characters from `start` to `end` that become `text`."""

    start: int
    end: int
    text: str


def write_dial(
    path: Path, calibrated: Policy, dial: float, comment: str, limits: Sequence[float | None] = ()
) -> None:
    """Set the dial in a policy file, whole or not at all; its permissions stay.

    `calibrated` is the policy as it was read for calibrating; `limits` are those of its first tiers, from the
    first on; None: that tier stays as it is. Raises InputError, and writes nothing, where the file says
    something else by now or the dial cannot be changed without changing more.
    """
    try:
        content = path.read_bytes()
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    if _content(parse_policy(content, path)) != _content(calibrated):
        raise InputError(f"{path}: was changed while it was calibrated; nothing is written, try again")
    changed = with_dial(content, path, dial, comment, limits)
    with atomic_write(path) as file:
        file.write(changed)
        if path.is_file():
            os.chmod(file.name, mode)


def with_dial(
    content: bytes, path: Path, dial: float, comment: str, limits: Sequence[float | None] = ()
) -> bytes:
    """The content of a policy file with another dial, and one comment line above it (in a policy written in
    flow style: at the top). `comment` starts with the date, `2026-11-24 bestroute calibrate ...`; one that
    stands there from an earlier time is replaced. `limits` as in `write_dial`.

    Raises PolicyError for content that is no policy, InputError where the result would differ in more.
    """
    before = parse_policy(content, path)
    key = before.objective.key
    whole = content.decode("utf-8")
    mark, text = (_BOM if whole.startswith(_BOM) else ""), whole.removeprefix(_BOM)
    edits = _edits(text, path, key, dial, limits, _one_line(comment))
    result = (mark + _edited(text, edits)).encode("utf-8")
    try:
        after = parse_policy(result, path)
    except PolicyError as error:
        raise InputError(f"{_refusal(path)}: {error.issues[0].message}") from error
    if _content(after) != _content(limited(before, dial, limits)):
        raise InputError(f"{_refusal(path)}: other parts take their value from it")
    return result


def _edited(text: str, edits: Iterable[_Edit]) -> str:
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _edits(
    text: str, path: Path, name: str, dial: float, limits: Sequence[float | None], comment: str
) -> Iterator[_Edit]:
    """The comment, the dial, and the limit of each tier."""
    root = compose(text, POLICY)
    assert isinstance(root, yaml.MappingNode)
    found = _find(root, name)
    assert found is not None
    yield _number(text, *found, dial, f"{_refusal(path)}: it")
    start = found[0].start_mark.index
    indent = text[_line_start(text, start) : start]
    if root.flow_style or indent.strip(" "):
        yield _comment(text, 0, "", comment)
    else:
        yield _comment(text, start - len(indent), indent, comment)
    tiers = next(value for key, value in root.value if key.value == "tiers").value
    for place, (tier, limit) in enumerate(zip(tiers, limits, strict=False)):
        if limit is None:
            continue
        owner = f"{_refusal(path)}: tiers[{place}]"
        own = _find(tier, name)
        yield _number(text, *own, limit, owner) if own else _added(text, tier, f"{name}: {limit:g}", owner)


def _find(mapping: yaml.MappingNode, name: str) -> tuple[yaml.Node, yaml.Node] | None:
    """The key of this name and its value."""
    return next((pair for pair in mapping.value if pair[0].value == name), None)


def _number(text: str, key: yaml.Node, value: yaml.Node, number: float, owner: str) -> _Edit:
    """The number of a key, replaced. `owner` is what a refusal names."""
    if _is_alias(text, key, value):
        raise InputError(f"{owner} is an alias of another value")
    start, end = value.start_mark.index, value.end_mark.index
    properties = _PROPERTIES.match(text[start:end])
    assert properties is not None
    start += properties.end()
    if not _NUMBER.fullmatch(text[start:end]):
        raise InputError(f"{owner} is written in an unusual way")
    return _Edit(start, end, f"{number:g}")


def _added(text: str, mapping: yaml.MappingNode, entry: str, owner: str) -> _Edit:
    """An entry after the last one of a mapping: in flow style behind it, in block style on its own line."""
    end = _end_of(text, *mapping.value[-1])
    if end is None:
        raise InputError(f"{owner} is written in an unusual way")
    if mapping.flow_style:
        return _Edit(end, end, f", {entry}")
    found = _BREAK.search(text, len(text[:end].rstrip()))  # behind what may stand there as a comment
    at = found.start() if found else len(text)
    return _Edit(at, at, _end_of_line(text) + " " * mapping.value[0][0].start_mark.column + entry)


def _end_of(text: str, key: yaml.Node, value: yaml.Node) -> int | None:
    """Where a value ends; None where that cannot be told."""
    if _is_alias(text, key, value):
        found = _ALIAS.match(text, key.end_mark.index)
        return found.end() if found else None
    if isinstance(value, yaml.MappingNode) and not value.flow_style:  # its own end is that of what follows
        return _end_of(text, *value.value[-1])
    return int(value.end_mark.index)


def _is_alias(text: str, key: yaml.Node, value: yaml.Node) -> bool:
    """Whether a value stands elsewhere."""
    return not text[key.end_mark.index : value.start_mark.index].strip().startswith(":")


def _comment(text: str, line: int, indent: str, comment: str) -> _Edit:
    """A comment line above the line that starts at `line`, in place of an earlier one."""
    above = _line_start(text, _before_break(text, line)) if line else 0
    first = text[above:line] if line else _first_line(text)
    bare = _BREAK.sub("", first)
    if bare.startswith(indent + "#") and _EARLIER.fullmatch(bare):
        return _Edit(above, above + len(bare), f"{indent}# {comment}")
    return _Edit(line, line, f"{indent}# {comment}{_end_of_line(text)}")


def _end_of_line(text: str) -> str:
    found = _BREAK.search(text)
    return found[0] if found else "\n"


def _line_start(text: str, index: int) -> int:
    starts = [0, *(found.end() for found in _BREAK.finditer(text, 0, index))]
    return starts[-1]


def _first_line(text: str) -> str:
    found = _BREAK.search(text)
    return text[: found.end()] if found else text


def _before_break(text: str, line: int) -> int:
    """The place of the break that ends the line before the one that starts at `line`."""
    return line - 2 if text[line - 2 : line] == "\r\n" else line - 1


def _content(policy: Policy) -> dict[str, object]:
    return policy.model_dump(by_alias=True)


def _refusal(path: Path) -> str:
    return f"{path}: the dial cannot be changed alone, so nothing is written; set it by hand"


def _one_line(comment: str) -> str:
    """The comment without what may not stand in a comment: line breaks and characters YAML forbids."""
    plain = comment.encode("utf-8", "replace").decode("utf-8")
    return " ".join(UNPRINTABLE.sub("?", _BREAK.sub(" ", plain)).replace(_BOM, "").split())
