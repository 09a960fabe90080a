"""What pydantic found wrong, said in words that name the place's mend."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from os.path import commonprefix
from pathlib import Path as FilePath
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, RootModel, ValidationError

from bestroute.policy.compose import Place
from bestroute.policy.document import Document, Path, clip, spell
from bestroute.policy.exclusive import NotOne

Schema = TypeVar("Schema", bound=BaseModel)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'model'?)` where one of the known words is close, in whatever case, else nothing."""
    folded = {name.casefold(): name for name in known}
    typed = word[:200].casefold()
    close = difflib.get_close_matches(typed, list(folded), n=3, cutoff=0.6)
    best = max(close, key=lambda name: _likeness(name, typed), default=None)
    return "" if best is None else f" (did you mean {folded[best]!r}?)"


def _likeness(name: str, typed: str) -> tuple[float, int]:
    """How like a name is, and of names as like how many letters it begins and ends with as typed: a slip is
    within."""
    ends = sum(len(commonprefix(pair)) for pair in ((name, typed), (name[::-1], typed[::-1])))
    return difflib.SequenceMatcher(None, name, typed).ratio(), ends


def validated(document: Document, schema: type[Schema], folder: FilePath | None = None) -> Schema | None:
    """What a document holds by a schema, with names of files from a folder on; None where it has faults that
    pydantic finds, which are added to the document's."""
    try:
        return schema.model_validate(document.value, context=folder, by_alias=True, by_name=False)
    except ValidationError as error:
        _note_faults(document, error, schema)
        return None


def _note_faults(document: Document, error: ValidationError, schema: type[BaseModel]) -> None:
    """In plain words; one fault a place."""
    for detail in error.errors(include_url=False):
        path = tuple(detail["loc"])
        kind = detail["type"]
        if kind == "too_short" and detail["input"]:
            continue  # it is not empty: its entries are at fault, and are told of
        if kind == "missing":
            _note_missing(document, path)
        elif kind == "extra_forbidden":
            _note_unknown(document, path, schema)
        else:
            path = _inside(document, path)
            if path not in document.faulty:
                words = _must(detail, path, document, schema)
                place = last_given(document, path, detail.get("ctx", {}).get("error"))
                document.fault(path, f"{spell(path, document.form)} {words}", place)


def last_given(document: Document, path: Path, error: object) -> Place | None:
    """Where the last of the keys stands that an error says are too many; None for any other error."""
    keys = error.given if isinstance(error, NotOne) else ()
    places = (document.keys.get((*path, key)) for key in keys)
    return max((place for place in places if place is not None), default=None)


def _note_missing(document: Document, path: Path) -> None:
    *around, key = path
    document.fault(
        path, f"missing key {key!r} in {spell(tuple(around), document.form)}", document.place(tuple(around))
    )


def _note_unknown(document: Document, path: Path, schema: type[BaseModel]) -> None:
    *around, key = path
    known = _keys_of(_type_at(tuple(around), schema))
    hint = did_you_mean(str(key), known) or f" (there are {', '.join(known)})"
    message = f"unknown key {clip(str(key))} in {spell(tuple(around), document.form)}{hint}"
    document.fault(path, message, document.keys.get(path))


def _inside(document: Document, path: Path) -> Path:
    """The longest beginning of the path that is in the file."""
    while path and path not in document.places:
        path = path[:-1]
    return path


# --- one sentence a kind of fault ---------------------------------------------------------------------------

_BOUNDS = {
    "greater_than_equal": ("ge", "of at least"),
    "greater_than": ("gt", "above"),
    "less_than_equal": ("le", "of at most"),
    "less_than": ("lt", "below"),
}
_TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a text",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "is_instance_of": "a text, the path of a folder",
    "path_type": "a text, the path of a folder",
}


def _must(detail: Any, path: Path, document: Document, schema: type[BaseModel]) -> str:
    kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind in _TYPES:
        mend = _needed(_type_at(path, schema)) if kind == "model_type" else ""
        mend = mend or _mend(kind, value, path in document.quoted)
        or_number = kind == "bool_type" and _type_at(path, schema) is not bool
        wanted = "true, false or a whole number above 0" if or_number else _TYPES[kind]
        return f"must be {wanted}, not {_shown(value)}{mend}"
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"must be {_number(path, schema)} {words} {context[name]:g}, not {_shown(value)}"
    if kind == "finite_number":
        return f"must be a finite number, not {_shown(value)}"
    if kind == "literal_error":
        options = str(context["expected"]).replace(" or ", ", ").split(", ")
        hint = (
            did_you_mean(value, [option.strip("'") for option in options]) if isinstance(value, str) else ""
        )
        shown = clip(value) if isinstance(value, str) else _shown(value)
        return f"must be {' or '.join(options)}, not {shown}{hint}"
    return _must_have(kind, context, detail["msg"])


def _must_have(kind: str, context: Any, message: str) -> str:
    if kind in ("string_too_short", "too_short"):
        return "must not be empty"
    if kind == "string_too_long":
        return f"must be at most {context['max_length']} characters long"
    if kind == "too_long":
        return f"must have at most {context['max_length']} entries"
    if kind == "string_pattern_mismatch":  # the value is not shown: it may be the key itself
        return "must be the name of an environment variable (capitals, digits and _), not the key itself"
    if kind == "value_error":
        return str(context["error"])
    return message[:1].lower() + message[1:]


def _number(path: Path, schema: type[BaseModel]) -> str:
    return "a whole number" if _type_at(path, schema) is int else "a number"


def _shown(value: Any) -> str:
    """A value as the reader wrote it, or its kind where it is long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, tuple):
        return "a list"
    if value is None:
        return "nothing"
    return f"the text {clip(value)}" if isinstance(value, str) else str(value)[:60]


def _mend(kind: str, value: Any, quoted: bool) -> str:
    if kind == "string_type" and isinstance(value, (bool, int, float)):
        return " (put it in quotes)"
    if kind == "tuple_type" and isinstance(value, (str, bool, int, float)):
        return f" (write [{value}])" if len(str(value)) <= 40 else " (write [...])"
    meant = _meant(kind, value)
    if not meant:
        return ""
    return " (remove the quotes)" if quoted and meant == value else f" (write {meant})"


def _needed(kind: type[BaseModel]) -> str:
    """The keys that a mapping cannot be without, as they are written; empty where there are none."""
    keys = [info.alias or name for name, info in kind.model_fields.items() if info.is_required()]
    return f" (write {{{', '.join(f'{key}: ...' for key in keys)}}})" if keys else ""


_TRUTHS = {word: "true" for word in ("true", "yes", "y", "on", "1")}
_TRUTHS |= {word: "false" for word in ("false", "no", "n", "off", "0")}
_DIGITS = r"(?:[0-9]{1,15}\.?[0-9]{0,15}|\.[0-9]{1,15})(?:[eE][-+]?[0-9]{1,2})?"
_NUMBER = re.compile(rf"\$?([-+]?)(?:0+(?=[0-9]))?({_DIGITS}) ?(%?)")  # $2.50, 010, 3%


def _meant(kind: str, value: Any) -> str:
    """How YAML has the number or truth value that this was to be; empty where that cannot be told."""
    text = value if isinstance(value, str) else _shown(value)
    if kind == "bool_type":
        return _TRUTHS.get(text.lower(), "")
    whole = kind.startswith("int_")
    found = _NUMBER.fullmatch(text.strip().replace("_", "").replace("," if whole else "_", ""))
    if not found or not (whole or kind == "float_type"):
        return ""
    number, percent = found[1] + found[2], found[3]
    if whole:
        return f"{float(number):.0f}" if float(number).is_integer() and not percent else ""
    return f"{float(number) / 100:g}" if percent else number


# --- the schema at a path -----------------------------------------------------------------------------------


def _type_at(path: Path, schema: type[BaseModel]) -> Any:
    """The type that the schema has for the part at `path`; None where it has none."""
    current: Any = schema
    for part in path:
        if isinstance(current, type) and issubclass(current, RootModel):
            current = _bare(current.model_fields["root"].annotation)
        if isinstance(part, int):
            current = _bare(next(iter(get_args(current)), None))
        elif isinstance(current, type) and issubclass(current, BaseModel):
            fields = {info.alias or name: info.annotation for name, info in current.model_fields.items()}
            current = _bare(fields.get(part))
        elif get_origin(current) is dict:
            current = _bare(get_args(current)[1])
        else:
            return None
    return current


def _bare(annotation: Any) -> Any:
    """The annotation without Annotated and `| None`."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    members = [member for member in get_args(annotation) if member is not type(None)]
    if type(None) in get_args(annotation) and len(members) == 1:
        return _bare(members[0])
    return annotation


def _keys_of(kind: Any) -> list[str]:
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return []
    return [info.alias or name for name, info in kind.model_fields.items()]
