"""The API reference has every public name once, and each has a docstring to show."""

import inspect
import re

import bestroute
from tests import ROOT

PAGE = (ROOT / "docs" / "reference.md").read_text("utf-8")
SHOWN = re.findall(r"^::: bestroute\.(\w+)$", PAGE, re.M)


def test_every_public_name_is_on_the_page_once():
    assert sorted(SHOWN) == [name for name in bestroute.__all__ if name != "__version__"]
    assert "bestroute.__version__" in PAGE


def test_every_public_name_and_what_it_does_has_a_docstring():
    bare = [name for name in SHOWN if not _own_doc(getattr(bestroute, name))]
    for name in SHOWN:
        kind = getattr(bestroute, name)
        members = vars(kind).items() if inspect.isclass(kind) else ()
        bare += [f"{name}.{key}" for key, value in members if _is_told(key, value) and not _own_doc(value)]
    assert bare == []


def _own_doc(value):
    """Not that of a base class, nor the one that dataclasses make up."""
    value = getattr(value, "__func__", value)
    doc = value.__dict__.get("__doc__") if inspect.isclass(value) else value.__doc__
    return bool(doc) and not doc.startswith(f"{getattr(value, '__name__', '')}(")


def _is_told(key, value):
    kinds = (property, classmethod, staticmethod)
    return not key.startswith("_") and (inspect.isfunction(value) or isinstance(value, kinds))
