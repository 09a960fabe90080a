"""What is paid for: the responses in the records file and those in the journal beside it.

A reply is in the journal, on disk, before anything else is done with it. When the records are written, all
of the journal goes into them; its last entry then has their digest, so that a process which is killed
before it removes the journal leaves no response in both.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from bestroute.artefacts.manifest import sha256, sha256_of
from bestroute.errors import InputError
from bestroute.files import atomic_write, packed
from bestroute.records.collect.budget import Budget
from bestroute.records.collect.plan import Plan, Survey
from bestroute.records.collect.prompts import read_prompts
from bestroute.records.journal import Journal
from bestroute.records.lines import read_records, record_line
from bestroute.records.record import Record, Response

_WRITTEN = "records_sha256"
_KEPT = ("text", "output_tokens", "by", "thinking_tokens", "mean_logprob", "least_margin")


class Ledger:
    """Opens the journal of a plan and counts what there is; earlier spending goes into `budget`.

    Memory holds counts and places, no text. Raises InputError for a journal of another run and for a records
    file that does not go with the plan's prompts or models.
    """

    def __init__(self, plan: Plan, survey: Survey, budget: Budget) -> None:
        self._plan = plan
        self._header, self._chosen = plan.header(survey), survey.chosen
        self._have: Counter[tuple[str, str]] = Counter()
        self._blank: Counter[str] = Counter()
        self._places: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        if plan.out.exists() and not plan.out.is_file():
            raise InputError(f"{plan.out}: is no regular file, so it cannot be gone on with; give a name")
        self._journal = Journal(plan.journal, self._header)
        try:
            self._count_records()
            self._count_journal(budget)
        except BaseException:
            self._journal.close()
            raise

    def count(self, prompt_id: str, model: str) -> int:
        """How many responses of a model to a prompt there are."""
        return self._have[prompt_id, model]

    def done(self, model: str) -> int:
        """How many of the responses that are wanted of a model there are."""
        return sum(min(count, self._plan.samples) for (_, name), count in self._have.items() if name == model)

    def blank(self, model: str) -> int:
        """How many responses of a model there is nothing to read in."""
        return self._blank[model]

    def keep(self, prompt_id: str, model: str, responses: tuple[Response, ...], cost: float) -> None:
        """Put a reply that was paid for on disk."""
        written = [
            {name: getattr(item, name) for name in _KEPT if getattr(item, name) is not None}
            for item in responses
        ]
        (place,) = self._journal.append({"id": prompt_id, "model": model, "responses": written, "cost": cost})
        if responses:
            self._enter(place, prompt_id, model, [item.text for item in responses])

    def write_records(self, spent: float) -> bool:
        """Write all there is as records in the order of the prompts; False, and no file, where nothing is.

        The journal then holds only what was spent (US$), for a cost cap that goes on. A records file to
        which nothing was added stays as it is.
        """
        if not self._places:
            return self._plan.out.exists()
        with atomic_write(self._plan.out) as file:
            with packed(file, self._plan.out) as lines:
                for prompt, known in self._pairs():
                    record = self._with_responses(prompt, known)
                    if record.responses:
                        lines.write(record_line(record))
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            self._journal.append({_WRITTEN: sha256_of(file)})
        self._start_again(spent)
        return True

    def close(self) -> None:
        """Leave the journal to the next run, unless there is nothing in it."""
        if self._plan.journal.exists() and next(self._journal.entries(), None) is None:
            self._journal.remove()
        self._journal.close()

    def remove(self) -> None:
        """Remove the journal: nothing is left to do."""
        self._journal.remove()

    def _count_journal(self, budget: Budget) -> None:
        last: dict[str, Any] = {}
        spent = 0.0
        for last in self._journal.entries():
            spent += last.get("cost", 0.0)
        out = self._plan.out
        if _WRITTEN in last and out.exists() and sha256(out) == last[_WRITTEN]:
            self._start_again(spent)
        for place, entry in self._journal.places():
            responses = entry.get("responses", [])
            tokens = [item["output_tokens"] for item in responses]
            thought = round(sum(item.get("thinking_tokens", 0.0) for item in responses))
            budget.note(entry.get("model", ""), entry.get("cost", 0.0), tokens, thought)
            if responses:
                self._enter(place, entry["id"], entry["model"], [item.get("text") for item in responses])

    def _count_records(self) -> None:
        records = (record for _, record in self._pairs() if record is not None)
        for record in records:
            for name, responses in record.responses.items():
                self._check_writers(record.id, name, {item.by for item in responses})
                self._count(record.id, name, [item.text for item in responses])

    def _check_writers(self, prompt_id: str, name: str, writers: set[str | None]) -> None:
        asked = {model.name: model.served_as for model in self._plan.models}.get(name)
        foreign = writers - {None, asked}
        if asked is not None and foreign:
            raise InputError(
                f"{self._plan.out}: responses of {name} to {prompt_id!r} are by {foreign.pop()}, and the "
                f"policy now asks {asked}; give another --out"
            )

    def _enter(self, place: int, prompt_id: str, model: str, texts: Sequence[str | None]) -> None:
        self._places[prompt_id, model].append(place)
        self._count(prompt_id, model, texts)

    def _count(self, prompt_id: str, model: str, texts: Sequence[str | None]) -> None:
        self._have[prompt_id, model] += len(texts)
        self._blank[model] += sum(text is not None and not text.strip() for text in texts)

    def _start_again(self, spent: float) -> None:
        self._journal.remove()
        self._places.clear()
        self._journal = Journal(self._plan.journal, self._header)
        self._journal.append({"cost": spent})

    def _pairs(self) -> Iterator[tuple[Record, Record | None]]:
        """Every prompt with its record, where there is one. Both files are read once, side by side."""
        out = self._plan.out
        records = read_records([out], scored=False) if out.exists() else iter(())
        record = next(records, None)
        for prompt in read_prompts(self._plan.prompts, only=self._chosen):
            if record is None or record.id != prompt.record.id:
                yield prompt.record, None
                continue
            if record.prompt != prompt.record.prompt:
                raise InputError(
                    f"{out}: {record.id!r} has another prompt than in {self._plan.prompts}; "
                    "give another --out"
                )
            yield prompt.record, record
            record = next(records, None)
        if record is not None:
            raise InputError(
                f"{out}: {record.id!r} is not in {self._plan.prompts}, or in another order there; "
                "give another --out"
            )

    def _with_responses(self, prompt: Record, known: Record | None) -> Record:
        responses = dict(known.responses) if known else {}
        for model in self._plan.models:
            new = tuple(self._read(prompt.id, model.name))
            if new:
                responses[model.name] = (*responses.get(model.name, ()), *new)
        return replace(prompt, responses=responses)

    def _read(self, prompt_id: str, model: str) -> Iterator[Response]:
        for place in self._places.get((prompt_id, model), ()):
            for item in self._journal.read(place)["responses"]:
                yield Response(None, **item)
