"""What comes back from asking a model, and who asks: values and the one protocol.

The network is a passed `Sampler`: the router never opens a connection of its own, so tests, replays and
local models stand in for an endpoint by implementing one method.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bestroute.answering.health.fault import Fault
from bestroute.answering.sampling.logprobs import read_sureness
from bestroute.answering.toolcall import ToolCall
from bestroute.artefacts.sureness import UNKNOWN, Sureness
from bestroute.policy import Sampling
from bestroute.policy.arms import Model
from bestroute.query import Query
from bestroute.text import estimate_tokens

# Servers have many words for a response that was cut off (MAX_TOKENS, model_length, abort, SAFETY, error),
# and few for a whole one.
_WHOLE = frozenset(
    {"", "complete", "completed", "end_of_text", "end_turn", "eos", "eos_token", "stop", "stop_sequence"}
)
_CALLING = frozenset({"function_call", "tool_call", "tool_calls", "tool_use"})  # whole, where calls are there


@dataclass(frozen=True)
class Usage:
    """Tokens that an endpoint billed; some count one response only where n were asked for at once.

    Of those of the input `cached_tokens` came from its prompt cache, of those of the output
    `thinking_tokens` were thinking; 0 too where it does not say.
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    thinking_tokens: int = 0

    @classmethod
    def total(cls, usages: Iterable[Usage | None]) -> Usage | None:
        """The sum of those that are known; None where none is."""
        known = [usage for usage in usages if usage is not None]
        if len(known) < 2:
            return known[0] if known else None
        return cls(*(sum(getattr(usage, name) for usage in known) for name in cls.__dataclass_fields__))


@dataclass(frozen=True)
class Sample:
    """One response of a model.

    `text` is what it says, without thinking; `raw` all it wrote, None where that is no more. `input_tokens`
    and `output_tokens` are what the endpoint reports for this response alone: None where it reports nothing,
    and `output_tokens` is None too where several responses share one report. `calls` are the tools that it
    calls, `message` is all of it as the endpoint gave it, with `logprobs` beside (None: not given). `fault`
    says why it cannot win though it says something (None: nothing keeps it from winning).
    """

    text: str
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    raw: str | None = None
    calls: tuple[ToolCall, ...] = ()
    message: Mapping[str, Any] | None = field(default=None, hash=False)
    logprobs: Any = field(default=None, hash=False)
    fault: str | None = None

    @property
    def said(self) -> str:
        """The text with the calls of tools behind it, a line each: what is judged."""
        return "\n".join(filter(None, (self.text, *map(str, self.calls)))) if self.calls else self.text

    @property
    def sureness(self) -> Sureness:
        """How sure the model was of its tokens, by `logprobs`."""
        return UNKNOWN if self.logprobs is None else read_sureness(self.logprobs)

    @property
    def written_tokens(self) -> int:
        """Tokens of all that the model wrote, its thinking too, estimated."""
        written = estimate_tokens(self.text if self.raw is None else self.raw)
        return written + sum(estimate_tokens(str(call)) for call in self.calls)

    @property
    def truncated(self) -> bool:
        """Whether the response was cut off: at a length limit, by a filter, by a failure, or for any other
        reason than that the model had ended it."""
        reason = (self.finish_reason or "").strip().lower().removeprefix("finishreason.")
        return reason not in _WHOLE and not (self.calls and reason in _CALLING)

    @property
    def blank(self) -> bool:
        """Whether there is nothing to read in it, and no tool is called."""
        return not self.calls and not self.text.strip()

    @property
    def may_win(self) -> bool:
        """Whether it says something, and nothing is wrong with that; it may be cut off."""
        return not self.blank and self.fault is None

    @property
    def lack(self) -> str:
        """Why it cannot win, in words; "" where it can."""
        if not self.blank:
            return "" if self.fault is None else f"a response that cannot win: {self.fault}"
        if self.raw is None or not self.raw.strip():
            return "blank response"
        reason = self.finish_reason
        return f"only reasoning came, and no answer (finish_reason: {reason}); max_tokens may be too small"

    @property
    def whole(self) -> bool:
        """Whether this is a complete response that may win: neither cut off nor blank nor faulty."""
        return not self.truncated and self.may_win


@dataclass(frozen=True)
class Sampled:
    """What asking one model for n responses gave: what came, and why the rest did not.

    `usage` is the bill of all the calls, those that gave no text too, by the endpoint's own count; calls that
    gave a text without a count are estimated. None where no call reported a count. `status` is the HTTP
    status that a call was refused with (None: none was, or it got no answer at all), and `retry_after_s` the
    seconds that the endpoint then asked to be left alone (None: it did not say). Of several calls it is the
    longest wait, with its status. `fault` is what the failure says of the endpoint (None: nothing, or nothing
    failed). `notes` say what was asked otherwise than it should have been, such as
    without a field that the endpoint does not take.
    """

    samples: tuple[Sample, ...] = ()
    errors: tuple[str, ...] = ()
    usage: Usage | None = None
    status: int | None = None
    retry_after_s: float | None = None
    notes: tuple[str, ...] = ()
    fault: Fault | None = None


class Sampler(Protocol):
    """Asks a model for responses."""

    async def sample(self, model: Model, query: Query, n: int, settings: Sampling) -> Sampled:
        """Ask `model` for up to n responses to `query`.

        Trouble with the model or its endpoint is told in `Sampled.errors`, not raised: what is raised all
        the same counts as that, and is logged. Cancelling the task cancels every call under way.
        """
        ...


def contenders(samples: Sequence[Sample]) -> tuple[int, ...]:
    """Indices of the samples that may win: the whole ones; failing that, those with any text or call.

    Blank samples never win, nor those with a fault. Truncated ones do where nothing whole came: the model
    answered, and a larger one would run into the same length limit at a higher price.
    """
    whole = tuple(index for index, sample in enumerate(samples) if sample.whole)
    return whole or tuple(index for index, sample in enumerate(samples) if sample.may_win)
