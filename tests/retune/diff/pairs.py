"""Two policies, and what changes between them."""

from bestroute.query import Query
from bestroute.retune.diff import Changes, Sides
from tests.fakes import FakePredictor, make_policy

GREETING = {"name": "greeting", "when": {"pattern": "^hi"}, "route": {"model": "tiny"}}
STRICT = {"name": "strict", "when": {"keywords": ["exactly"]}, "max_gap": 0.0}
OLD = make_policy(rules=[GREETING, STRICT])
NEW = make_policy(rules=[STRICT], max_gap=0.07)
TEXTS = ["abcdefgh", "exactly!", "hi there", "12345678"]


def sides(old=OLD, new=NEW, predictors=None):
    one = FakePredictor()
    return Sides(old, new, predictors=predictors or (one, one))


def changes_of(*texts, old=OLD, new=NEW, predictors=None, most=10):
    changes = Changes(old, new, most)
    for pair in sides(old, new, predictors).compare(map(Query.of, texts)):
        changes.add(pair)
    return changes
