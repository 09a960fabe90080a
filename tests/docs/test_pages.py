"""What the documents and the rooms' docstrings name is there: links, files, functions, modules, floors."""

import ast
import re
import subprocess

import pytest

from tests import ROOT

PACKAGE = ROOT / "bestroute"
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md")), *sorted((ROOT / "exported_models").rglob("*.md"))]
RECORDS = (
    "results/adapting.md",
    "results/minilm.md",
    "policy-errors.md",
    "how-to/retune/README.md",
    "how-to/your-traffic/README.md",
)  # of output: as long as that is
LONGEST = 100  # lines: two screens
ROOMS = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))
DESIGN = (DOCS / "design.md").read_text("utf-8")


def name_of(path):
    return str(path.relative_to(ROOT))


def links(page):
    return re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def docstring(path):
    return ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for link in links(page):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_index_leads_to_every_page():
    index = DOCS / "README.md"
    assert {*DOCS.rglob("*.md")} - {index} <= {(DOCS / link).resolve() for link in links(index)}


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=name_of)
def test_a_page_is_two_screens_at_most(page):
    if str(page.relative_to(DOCS)) not in RECORDS:
        assert len(page.read_text("utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("page", [DOCS / "design.md", *sorted((DOCS / "concepts").glob("*.md"))], ids=name_of)
def test_modules_that_a_page_names_are_there(page):
    """`room/`, `room/module.py`: relative to the package."""
    prose = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.S)
    for path in re.findall(r"`((?:[a-z_]+/)+|(?:[a-z_]+/)*[a-z_]+\.py)`", prose):
        assert (PACKAGE / path).exists() or (ROOT / path).exists(), path


def test_what_the_table_of_places_names_is_in_the_file_beside_it():
    rows = re.findall(r"^\|[^|]+\| `([\w/]+\.py)` \| ([^|]+) \|", DESIGN, re.M)
    assert len(rows) >= 12
    for path, cell in rows:
        source = (PACKAGE / path).read_text("utf-8")
        for name in re.findall(r"`([\w.]+)`", cell):
            for part in name.split("."):
                assert re.search(rf"^\s*(?:async )?(?:def|class) {part}\b", source, re.M), f"{path}: {name}"


def test_the_drawing_shows_the_floors_that_are_held():
    [drawing] = re.findall(r"```text\n(.*?)```", DESIGN, re.S)
    drawn = re.findall(r"\b([a-z]+)(?:/|\.py)", drawing)
    floors = re.findall(r'"floors".*?layers = \[(.*?)\]', (ROOT / "pyproject.toml").read_text("utf-8"), re.S)
    assert drawn == [name for name in re.findall(r"\w+", floors[0]) if name != "__main__"]


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_a_room_says_what_is_in_it(room):
    """The second paragraph of its docstring lists its modules, a line for one or a few."""
    lines = docstring(room / "__init__.py").split("\n\n")[1].splitlines()
    listed = [re.findall(r"\w+/?", re.match(r"(?:\w+/?, )*\w+/?", line)[0]) for line in lines]
    there = [*(path.stem for path in room.glob("*.py") if path.stem != "__init__")]
    there += [f"{path.parent.name}/" for path in room.glob("*/__init__.py")]
    assert sorted(sum(listed, [])) == sorted(there)


@pytest.mark.parametrize("room", sorted(path.parent for path in PACKAGE.glob("*/*/__init__.py")), ids=name_of)
def test_a_room_within_a_room_names_its_modules(room):
    words = set(re.findall(r"\w+", docstring(room / "__init__.py")))
    assert {path.stem for path in room.glob("*.py")} - {"__init__"} <= words


@pytest.mark.parametrize("name", ["retune", "your-traffic"])
def test_the_first_lines_of_a_walk_fill_an_empty_folder(name, tmp_path):
    folder = tmp_path / "router"
    page = (DOCS / "how-to" / name / "README.md").read_text("utf-8")
    lines = re.search(r"```sh\npip install .*\n((?:.*\n)+?)```", page)[1].replace("/srv/router", str(folder))
    subprocess.run(["sh", "-e", "-c", lines], cwd=ROOT, check=True)
    assert (folder / "records.py").is_file()


def test_what_is_installed_is_on_no_index():
    told = re.compile(r"pip install \S*bestroute")
    own = [page for page in PAGES if not page.name.startswith("gateway")]
    assert not [page.name for page in own if told.search(page.read_text("utf-8"))]


def test_the_readme_lists_every_policy():
    names = {path.stem for path in (ROOT / "policies").glob("*.yaml") if ".probes" not in path.name}
    listed = re.search(r"policies to start from: (.*?)\. \(", (ROOT / "README.md").read_text("utf-8"), re.S)[
        1
    ]
    assert {*re.findall(r"`([^`]+)`", listed)} == names
