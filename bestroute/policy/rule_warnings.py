"""What a rule may say but hardly means: what it hides, what YAML made of it, what its words are found in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bestroute.policy.compose import Fault
from bestroute.policy.document import Document, Path, clip, spell
from bestroute.policy.objective import AnyObjective, Offer
from bestroute.policy.rules import Rule, When
from bestroute.policy.rules.conditions import NEEDS, Range
from bestroute.policy.rules.keywords import fold, is_prefix
from bestroute.policy.rules.metadata import same
from bestroute.policy.rules.patterns import is_whole_message, tokens_of
from bestroute.policy.schema import Policy

_SHORT = 3  # letters with which too many words begin

# A keyword that is a part of one of these is found in it, and it means something else.
_COMPOUNDS = (
    "on-demand", "in-law", "e-mail", "log-in", "sign-in", "sign-up", "follow-up", "check-in", "check-out",
    "opt-in", "opt-out", "add-on", "plug-in", "built-in", "back-end", "front-end", "start-up", "stand-by",
    "by-product", "know-how", "real-time", "full-time", "part-time", "long-term", "short-term",
    "first-class", "drop-down", "pay-per-view", "free-of-charge",
)  # fmt: skip
_TRUTHS = frozenset({"yes", "no", "on", "off", "y", "n"})
_LIKE_A_NUMBER = re.compile(r"[-+]?(?=.*\d)(?:0[bB][01_]+|[\d_,]+(?:\.[\d_]*)?(?:[eE][-+]?\d+)?)")


def find_rule_warnings(policy: Policy, document: Document) -> Iterator[Fault]:
    """Every warning about rules, in no order."""
    yield from _same_conditions(policy, document)
    yield from _hidden_rules(policy, document)
    yield from _surprising_values(document)
    for index, rule in enumerate(policy.rules):
        yield from _pattern_slips(rule.when, ("rules", index, "when", "pattern"), document)
        yield from _keyword_slips(rule.when, ("rules", index, "when", "keywords"), document)


def is_stricter(one: AnyObjective, other: AnyObjective) -> bool:
    """Whether something is within the other's setting that is not within the one's."""
    return one.why_not(Offer(other.setting, other.setting, 0.0, 0.0)) is not None


# --- rules among one another --------------------------------------------------------------------------------


def _same_conditions(policy: Policy, document: Document) -> Iterator[Fault]:
    for index, rule in enumerate(policy.rules):
        for before, earlier in enumerate(policy.rules[:index]):
            if rule.when == earlier.when:
                message = f"can never be reached: rules[{before}] ({earlier.name!r}) has the same conditions"
                yield Fault(document.place(("rules", index)), f"rules[{index}] {message}")
                break


def _hidden_rules(policy: Policy, document: Document) -> Iterator[Fault]:
    """Of a query that two rules match the first decides: where that routes, and the second is there to see
    that less is lost, the second is overlooked."""
    for index, rule in enumerate(policy.rules):
        for before, earlier in enumerate(policy.rules[:index]):
            route, lost = earlier.route, _what_is_lost(policy, earlier, rule)
            if (
                route is not None
                and lost
                and _can_serve(policy, earlier, rule)
                and _may_meet(earlier.when, rule.when)
            ):
                yield Fault(
                    document.place(("rules", index)),
                    f"rules[{index}] ({rule.name!r}) {lost} only where rules[{before}] ({earlier.name!r}) "
                    f"does not match: of a query that both match the first decides, and routes to "
                    f"{route.label}; put rules[{index}] above it, or let rules[{before}] match less",
                )
                break


def _what_is_lost(policy: Policy, earlier: Rule, later: Rule) -> str:
    """What a rule does against loss that an earlier one's route would undo; empty where there is nothing."""
    models = () if earlier.route is None else earlier.route.models
    if all(name == policy.reference for name in models):
        return ""
    if later.route is not None and list(later.route.models) == [policy.reference]:
        return "routes to the reference"
    if later.exclude is not None and set(later.exclude) & set(models):
        return f"excludes {' and '.join(sorted(set(later.exclude) & set(models)))}"
    if later.objective is not None and is_stricter(later.objective, policy.objective):
        return "tightens the dial"
    return ""


def _can_serve(policy: Policy, earlier: Rule, later: Rule) -> bool:
    """Whether the models that a rule routes to take what the later rule is about; else it is passed over."""
    needed = set(later.when.has.root if later.when.has else ()) & NEEDS
    models = () if earlier.route is None else earlier.route.models
    return all(needed <= set(policy.model(name).capabilities) for name in models)


def _may_meet(earlier: When, later: When) -> bool:
    """Whether a query may match both without the writer having meant it.

    He has where the earlier rule asks of all the metadata that the later asks of, or where its pattern takes
    whole messages, after which nothing follows.
    """
    if earlier == later or (earlier.pattern is not None and is_whole_message(earlier.pattern.root)):
        return False
    ours, theirs = (when.metadata.wanted if when.metadata else {} for when in (earlier, later))
    apart = any(
        not any(same(one, other) for one in ours[key] for other in theirs[key])
        for key in ours.keys() & theirs
    )
    meant = bool(theirs) and theirs.keys() <= ours.keys()
    return not (
        apart or meant or _beside(earlier.turns, later.turns) or _beside(earlier.tokens, later.tokens)
    )


def _beside(one: Range | None, other: Range | None) -> bool:
    """Whether two ranges have no count in common."""
    if one is None or other is None:
        return False
    return any(
        low.min is not None and high.max is not None and low.min > high.max
        for low, high in ((one, other), (other, one))
    )


# --- what YAML made of a value ------------------------------------------------------------------------------


def _surprising_values(document: Document) -> Iterator[Fault]:
    for steps, metadata in document.find("rules", "*", "when", "metadata"):
        for key, value in metadata.items() if isinstance(metadata, dict) else ():
            several = isinstance(value, tuple)
            for index, one in enumerate(value) if several else ((None, value),):
                path = (*steps, key) if index is None else (*steps, key, index)
                words = _surprise(document.written.get(path), one)
                if words:
                    yield Fault(document.place(path), f"{spell(path)}: {words}")


def _surprise(written: str | None, value: Any) -> str:
    """What to say of a value written without quotes that is not what it looks like; empty for any other."""
    if written is None:
        return ""
    if isinstance(value, str):
        if value.lower() in _TRUTHS:
            return f"{value} is the text {value!r} here, not true or false; write that, or put it in quotes"
        if _LIKE_A_NUMBER.fullmatch(value):
            return (
                f"{value} is the text {clip(value)} here, no number; write it as a plain number, or in quotes"
            )
    elif not isinstance(value, bool) and str(value) != written.lstrip("+"):
        return f"{written} is the number {value} here; put it in quotes to mean the text"
    return ""


# --- words --------------------------------------------------------------------------------------------------


def _pattern_slips(when: When, path: Path, document: Document) -> Iterator[Fault]:
    if when.pattern is None:
        return
    place, tokens = document.place(path), [token for _, token in tokens_of(when.pattern.root)]
    if "\n" in tokens:
        message = "holds a line break, which the query must then hold too; write it on one line"
        yield Fault(place, f"{spell(path)} {message}")
    if not when.pattern.is_wide:
        message = r"is too large to know more than ASCII: \b, \w, \d and \s pass other letters over"
        yield Fault(place, f"{spell(path)} {message}")
    for left, right in zip(tokens, tokens[1:], strict=False):
        if right == r"\b" and re.match("[\uac00-\ud7a3]", left):
            message = (
                rf"{left}\b is not found where a particle follows, as Korean writes it; leave the \b out"
            )
            yield Fault(place, f"{spell(path)}: {message}")
        if left == r"\b" and re.match("[\u05d0-\u05ea\u0621-\u064a]", right):
            message = (
                rf"\b{right} is not found after an article or preposition, which are joined on; use keywords"
            )
            yield Fault(place, f"{spell(path)}: {message}")


def _keyword_slips(when: When, path: Path, document: Document) -> Iterator[Fault]:
    for index, keyword in enumerate(when.keywords.root if when.keywords else ()):
        here = (*path, index)
        if is_prefix(keyword) and len(keyword) <= _SHORT and keyword.isascii():
            message = f"{keyword!r} is every word that begins with {keyword[:-1]!r}"
            yield Fault(document.place(here), f"{spell(here)}: {message}")
        if "*" in (keyword[:-1] if is_prefix(keyword) else keyword):
            message = "has a * that stands for itself; only one at the end is the beginning of a word"
            yield Fault(document.place(here), f"{spell(here)}: {keyword!r} {message}")
        for compound in _COMPOUNDS:
            if fold(keyword) in compound.split("-"):
                message = (
                    f"{keyword!r} is also found in {compound!r}, as a hyphen ends a word; where that is not "
                )
                pattern = rf"(?i)(^|[^-\w]){keyword}([^-\w]|$)"
                yield Fault(
                    document.place(here), f"{spell(here)}: {message}meant, write pattern: '{pattern}'"
                )
                break
