"""A tuple that is made when somebody looks at it, and then once."""

import pickle

from bestroute.later import Later


class Counted:
    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return ["a", "b"]


def test_nothing_is_made_before_somebody_looks_and_then_once():
    make = Counted()
    later = Later(make)
    assert make.calls == 0
    assert list(later) == ["a", "b"] == list(later)
    assert make.calls == 1


def test_it_is_as_good_as_a_tuple():
    later, made = Later(Counted()), ("a", "b")
    assert later == made == Later(Counted())
    assert made == later
    assert later != [*made]
    assert (hash(later), repr(later), len(later)) == (hash(made), repr(made), 2)
    assert (later[-1], later[1:]) == ("b", ("b",))
    assert pickle.loads(pickle.dumps(later)) == made


def test_it_is_written_without_being_made():
    later = Later(make := Counted())
    assert repr(later) == "Later(not looked at yet)"
    assert make.calls == 0
