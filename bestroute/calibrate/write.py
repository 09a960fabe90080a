"""Changes the dial in the text of a policy, and nothing else of it but a comment that says where it is from.

Not YAML in and YAML out, which would lose comments and layout: the characters of the one number are
replaced. What comes out is parsed again and must be the same policy but for its dial.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import yaml

from bestroute.errors import InputError, PolicyError
from bestroute.files import atomic_write
from bestroute.policy import Policy, parse_policy
from bestroute.policy.compose import POLICY, UNPRINTABLE, compose

_EARLIER = re.compile(r"[ \t]*# \d{4}-\d\d-\d\d bestroute calibrate .*")
_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_BOM = "\ufeff"
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")  # an anchor, a tag
_NUMBER = re.compile(r"[-+.0-9a-fox]+", re.IGNORECASE)


def write_dial(path: Path, calibrated: Policy, dial: float, comment: str) -> None:
    """Set the dial in a policy file, whole or not at all; its permissions stay.

    `calibrated` is the policy as it was read for calibrating. Raises InputError, and writes nothing, where
    the file says something else by now or the dial cannot be changed without changing more.
    """
    try:
        content = path.read_bytes()
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    if _content(parse_policy(content, path)) != _content(calibrated):
        raise InputError(f"{path}: was changed while it was calibrated; nothing is written, try again")
    changed = with_dial(content, path, dial, comment)
    with atomic_write(path) as file:
        file.write(changed)
        if path.is_file():
            os.chmod(file.name, mode)


def with_dial(content: bytes, path: Path, dial: float, comment: str) -> bytes:
    """The content of a policy file with another dial, and one comment line above it (in a policy written in
    flow style: at the top). `comment` starts with the date, `2026-11-24 bestroute calibrate ...`; one that
    stands there from an earlier time is replaced.

    Raises PolicyError for content that is no policy, InputError where the result would differ in more.
    """
    before = parse_policy(content, path)
    text = content.decode("utf-8")
    mark = _BOM if text.startswith(_BOM) else ""
    changed = mark + _with_dial(text.removeprefix(_BOM), path, f"{dial:g}", _one_line(comment))
    result = changed.encode("utf-8")
    try:
        after = parse_policy(result, path)
    except PolicyError as error:
        raise InputError(f"{_refusal(path)}: {error.issues[0].message}") from error
    if _content(after) != {**_content(before), "max_gap": dial}:
        raise InputError(f"{_refusal(path)}: other parts take their value from it")
    return result


def _with_dial(text: str, path: Path, dial: str, comment: str) -> str:
    root, key, value = _find(text, path)
    start, end = value.start_mark.index, value.end_mark.index
    if not text[key.end_mark.index : start].strip().startswith(":"):
        raise InputError(f"{_refusal(path)}: it is an alias of another value")
    written = text[start:end]
    properties = _PROPERTIES.match(written)
    assert properties is not None
    start += properties.end()
    if not _NUMBER.fullmatch(text[start:end]):
        raise InputError(f"{_refusal(path)}: it is written in an unusual way")
    changed = text[:start] + dial + text[end:]
    line = _line_start(text, key.start_mark.index)
    alone = not text[line : key.start_mark.index].strip(" ")
    if root.flow_style or not alone:
        return _with_comment(changed, 0, "", comment)
    return _with_comment(changed, line, text[line : key.start_mark.index], comment)


def _find(text: str, path: Path) -> tuple[yaml.MappingNode, yaml.ScalarNode, yaml.ScalarNode]:
    """The top mapping, and the key and value of its dial."""
    root = compose(text, POLICY)
    assert isinstance(root, yaml.MappingNode)
    for key, value in root.value:
        if key.value == "max_gap":
            if isinstance(value, yaml.ScalarNode):
                return root, key, value
            break
    raise InputError(_refusal(path))


def _with_comment(text: str, line: int, indent: str, comment: str) -> str:
    """The text with a comment line above the line that starts at `line`, in place of an earlier one."""
    found = _BREAK.search(text)
    end_of_line = found[0] if found else "\n"
    above = _line_start(text, _before_break(text, line)) if line else 0
    first = text[above:line] if line else _first_line(text)
    bare = _BREAK.sub("", first)
    if bare.startswith(indent + "#") and _EARLIER.fullmatch(bare):
        end = above + len(first)
        return text[:above] + indent + "# " + comment + first[len(bare) :] + text[end:]
    return text[:line] + f"{indent}# {comment}{end_of_line}" + text[line:]


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
    return f"{path}: the dial cannot be changed alone, so nothing is written; set max_gap by hand"


def _one_line(comment: str) -> str:
    """The comment without what may not stand in a comment: line breaks and characters YAML forbids."""
    plain = comment.encode("utf-8", "replace").decode("utf-8")
    return " ".join(UNPRINTABLE.sub("?", _BREAK.sub(" ", plain)).replace(_BOM, "").split())
