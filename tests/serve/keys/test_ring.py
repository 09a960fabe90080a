"""The ring finds keys by their hash, and follows its file."""

import pytest

from bestroute.errors import InputError, KeysError
from bestroute.serve.held import Held
from bestroute.serve.keys.load import append, new_key
from bestroute.serve.keys.ring import KeyRing
from tests.patience import until


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys.yaml"


def test_a_key_is_found_by_itself_alone(path):
    key, kept = new_key("a")
    append(kept, path)
    ring = KeyRing(path)
    assert ring.find(key) == kept
    for other in ("", key[:-1], key + "x", key.upper(), kept.sha256, "\udcff"):
        assert ring.find(other) is None


def test_there_is_no_ring_without_keys(path, monkeypatch):
    monkeypatch.delenv("BESTROUTE_KEYS", raising=False)
    assert KeyRing.of(None) is None
    monkeypatch.setenv("BESTROUTE_KEYS", "env:br-01234567890123456789")
    assert KeyRing.of(None).find("br-01234567890123456789").name == "env"
    append(new_key("env")[1], path)
    with pytest.raises(
        InputError, match="with the keys of the environment, has two keys with the name 'env'"
    ):
        KeyRing.of(path)


def test_a_file_is_needed_where_one_is_named(path):
    with pytest.raises(InputError, match="No such file"):
        KeyRing(path)
    path.write_text("version: 1\nkeys: []\n", "utf-8")
    with pytest.raises(KeysError):
        KeyRing(path)


def test_it_follows_its_file(path):
    (first, kept), (second, more) = new_key("first"), new_key("second")
    append(kept, path)
    ring = KeyRing(path)
    ring.start()
    try:
        append(more, path)
        until(lambda: ring.find(second))
        path.write_text("nonsense", "utf-8")
        until(lambda: ring.fault)
        assert ring.find(first) == kept
        path.unlink()
        until(lambda: ring.fault == f"{path}: No such file or directory")
        path.mkdir()
        until(lambda: ring.fault == f"{path}: Is a directory")
        path.rmdir()
        assert ring.find(first) == kept
        append(more, path)
        until(lambda: ring.find(first) is None)
        assert ring.find(second) == more
        assert ring.fault is None
    finally:
        ring.close()


def test_who_starts_anew_without_the_file_has_the_keys_that_held(path, tmp_path):
    key, kept = new_key("a")
    append(kept, path)
    KeyRing(path, held=Held(tmp_path))
    path.unlink()
    ring = KeyRing(path, held=Held(tmp_path))
    assert ring.find(key) == kept
    assert ring.fault == f"{path}: No such file or directory"
