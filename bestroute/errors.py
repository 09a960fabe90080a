"""The exception tree: everything bestroute raises on purpose.

BestRouteError
├── PolicyError        a policy file that does not hold; carries every issue with its place
├── ProbesError        a probe file that does not hold; likewise
├── KeysError          a key file that does not hold; likewise
├── InputError         a query, record or response file that cannot be read; names file and line
├── ArtefactError      an artefact folder that is missing, damaged or of another kind
├── PredictorError     the router model failed on a query
│   └── PredictorOverrun   ... or ran past its time budget
├── SamplingError      no endpoint answered; carries every attempt
├── ScoringError       an oracle could not score a response
├── TrainingError      the records cannot train what was asked
└── MissingExtra       an optional package is not installed; says the pip line
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar


class BestRouteError(Exception):
    """Base of all bestroute errors. `exit_code` is what the command line ends with."""

    exit_code: ClassVar[int] = 2


@dataclass(frozen=True)
class Issue:
    """One thing wrong with a policy or probe file: where (1-based line and column) and how to mend it."""

    path: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.message}"


class _Issues(BestRouteError):
    """A file that does not hold; `issues` has every fault found, in file order."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        self.issues = tuple(issues)
        super().__init__("\n".join(str(issue) for issue in self.issues))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.issues,)


class PolicyError(_Issues):
    """A policy that does not hold; `issues` has every fault found, in file order."""


class ProbesError(_Issues):
    """A probe file that does not hold; `issues` has every fault found, in file order."""


class KeysError(_Issues):
    """A key file that does not hold; `issues` has every fault found, in file order."""


class InputError(BestRouteError):
    """Input that cannot be read; the message names the place and the mend, and `param` the field of a request
    or of settings where that is one."""

    def __init__(self, message: str = "", param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class ArtefactError(BestRouteError):
    """An artefact folder that is missing, damaged, or of another kind."""


class PredictorError(BestRouteError):
    """The router model failed at run time; the router answers with the reference instead."""


class PredictorOverrun(PredictorError):
    """The router model ran past its time budget."""


class SamplingError(BestRouteError):
    """No endpoint gave a usable response; `attempts` lists every try in order."""

    exit_code = 1

    def __init__(self, message: str, attempts: Sequence[Any] = ()) -> None:
        self.attempts = tuple(attempts)
        super().__init__(message)


class ScoringError(BestRouteError):
    """An oracle could not score a response; it stays without a score."""

    exit_code = 1


class TrainingError(BestRouteError):
    """The records given cannot train what was asked."""


class MissingExtra(BestRouteError, ImportError):
    """An optional package is missing or broken; the message is the line that installs it."""


def require(module: str, extra: str) -> ModuleType:
    """Import an optional module, or raise MissingExtra with the exact pip line."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        absent = isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}.")
        why = "is not installed" if absent else f"is installed, but cannot be imported ({error})"
        raise MissingExtra(f'{module} {why}; it comes with: pip install "bestroute[{extra}]"') from error
