"""Records to be scored, and what was made of them."""

import gzip
import json

from bestroute.records.lines import read_records


def lines_of(count, answers=("1", "2")):
    """Records q0, q1, ... whose right answer is 1: small answers 1 and 2 (or `answers`), large answers 1."""
    for index in range(count):
        small = [{"text": f"The answer is {text}.", "output_tokens": 5} for text in answers]
        yield {
            "id": f"q{index}",
            "source": "even" if index % 2 == 0 else "odd",
            "query": f"What is 1 + {index} - {index}?",
            "answer": "1",
            "responses": {"small": small, "large": [{"text": "1", "by": "gpt"}]},
        }


def write(path, lines):
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def values(path, name="score"):
    return [
        {model: [getattr(item, name) for item in items] for model, items in record.responses.items()}
        for record in read_records([path], scored=False)
    ]
