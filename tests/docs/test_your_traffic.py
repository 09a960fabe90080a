"""docs/how-to/your-traffic: its commands print what the page says, from a log to a decision."""

import re

import pytest

from tests import ROOT
from tests.scripts import load

pytest.importorskip("aiohttp")
FOLDER = ROOT / "docs" / "how-to" / "your-traffic"
PAGE = (FOLDER / "README.md").read_text("utf-8")
page = load(ROOT / "docs" / "how-to" / "retune" / "run.py")


def test_the_page_says_what_its_commands_print():
    commands = page.commands(PAGE)
    ran = page.run(commands, beside=FOLDER)
    assert len(ran) == len(commands)
    assert (
        page.refreshed(PAGE, ran) == PAGE
    )  # else: python docs/how-to/retune/run.py docs/how-to/your-traffic


def test_the_page_shows_every_command_of_the_road():
    shown = re.findall(r"^bestroute (\S+)", "".join(page.commands(PAGE)), re.M)
    assert [*dict.fromkeys(shown)] == ["collect", "score", "adapt", "calibrate", "route"]
