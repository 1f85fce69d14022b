"""The guides say what is true: names, files and settings that they mention exist, and none is forgotten."""

import re
from pathlib import Path

import pytest
from pydantic import AliasChoices

from app.core.config import Config

ROOT = Path(__file__).resolve().parents[1]
GUIDES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
EXAMPLES = {"ui/pages/clock.py"}  # made up by a recipe


def variables() -> set[str]:
    """Every name by which the environment configures Toru."""
    names: set[str] = set()
    for field in Config.model_fields.values():
        alias = field.validation_alias
        names |= {str(choice) for choice in alias.choices} if isinstance(alias, AliasChoices) else {str(alias)}
    return names


def test_every_variable_is_in_the_readme() -> None:
    table = (ROOT / "README.md").read_text()
    missing = sorted(name for name in variables() if f"`{name}`" not in table)
    assert not missing, f"Add a row to README's table of the configuration for: {', '.join(missing)}"


def test_the_readme_invents_no_variable() -> None:
    rows = re.findall(r"(?m)^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \|", (ROOT / "README.md").read_text())
    named = {name for row in rows for name in re.findall(r"[A-Z_]+", row)}
    assert named
    assert named <= variables()


@pytest.mark.parametrize("guide", GUIDES)
def test_files_that_a_guide_names_exist(guide: str) -> None:
    text = (ROOT / guide).read_text()
    linked = set(re.findall(r"\]\(((?!https?:)[^)#]+)\)", text))
    named = set(re.findall(r"`((?:app|ui|theme|tests|scripts|openspec)/[\w./-]*)`", text)) - EXAMPLES
    missing = sorted(name for name in linked | named if not (ROOT / name).exists())
    assert not missing, f"{guide} names what is not there: {', '.join(missing)}"


DOCS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))


def anchors(text: str) -> set[str]:
    """What the headings of a page are called in links."""
    outside = re.sub(r"(?ms)^```.*?^```", "", text)
    titles = re.findall(r"(?m)^#+ (.*)$", outside)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("guide", [*GUIDES, *DOCS])
def test_links_lead_somewhere(guide: str) -> None:
    here = ROOT / guide
    wrong = []
    for link in re.findall(r"\]\(((?!https?:)[^)]+)\)", here.read_text()):
        file, _, place = link.partition("#")
        target = here.parent / file if file else here
        is_there = target.exists() and (not place or place in anchors(target.read_text()))
        wrong += [] if is_there else [link]
    assert not wrong, f"{guide} leads nowhere: {', '.join(wrong)}"


@pytest.mark.parametrize("guide", DOCS)
def test_a_page_of_many_chapters_lists_them(guide: str) -> None:
    text = (ROOT / guide).read_text()
    listed = re.search(r"(?m)^Contents: (.*)$", text)
    if listed is not None:
        chapters = re.findall(r"(?m)^## (.*)$", re.sub(r"(?ms)^```.*?^```", "", text))
        told = re.findall(r"\(#([^)]+)\)", listed[1])
        assert told == [place for title in chapters for place in anchors(f"## {title}")]


def test_sentences_that_the_operators_guide_quotes_are_said() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "app").rglob("*.py"))
    quoted = re.findall(r"“([^”]+)”", (ROOT / "docs" / "operator.md").read_text())
    assert len(quoted) >= 3
    missing = [sentence for sentence in quoted if sentence.rstrip(" ….") not in code]
    assert not missing


def test_every_page_of_the_docs_can_be_found_from_the_readme() -> None:
    seen, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        links = re.findall(r"\]\(((?!https?:)[^)#]+)", page.read_text()) if page.exists() else []
        for target in {(page.parent / link).resolve() for link in links if link.endswith(".md")} - seen:
            seen.add(target)
            waiting.append(target)
    lonely = [page for page in DOCS if ROOT / page not in seen]
    assert not lonely, "Link these from README.md or a page that is linked there."


def test_every_concept_has_a_spec() -> None:
    parts_of_auth = {"tokens", "second_factor"}  # as openspec/config.yaml says
    concepts = {path.parent.name for path in ROOT.glob("app/*/service.py")} - parts_of_auth - {"cli"}
    specs = {path.parent.name for path in ROOT.glob("openspec/specs/*/spec.md")}
    assert concepts <= specs, "describe a concept in openspec/specs/<concept>/spec.md"


ARCHIVE = ROOT / "openspec" / "changes" / "archive"
DELTA = re.compile(r"(?m)^## (ADDED|MODIFIED|REMOVED) Requirements$")


@pytest.mark.parametrize("change", sorted(path.name for path in ARCHIVE.iterdir() if path.is_dir()))
def test_an_archived_change_tells_why_and_how(change: str) -> None:
    folder = ARCHIVE / change
    assert re.fullmatch(r"\d{4}-\d\d-\d\d-[a-z-]+", change)
    proposal = re.findall(r"(?m)^## (.*)$", (folder / "proposal.md").read_text())
    assert proposal == ["Why", "What Changes", "Impact"]
    assert len((folder / "design.md").read_text().split()) > 150
    tasks = re.findall(r"(?m)^- \[(.)\] ", (folder / "tasks.md").read_text())
    assert tasks
    assert set(tasks) == {"x"}
    specs = list(folder.glob("specs/*/spec.md"))
    assert specs
    for spec in specs:
        text = spec.read_text()
        assert DELTA.search(text), f"{spec} says neither what was added nor what was changed"
        for requirement in re.split(r"(?m)^### Requirement: ", text.partition("## REMOVED")[0])[1:]:
            assert "SHALL" in requirement
            assert "- **THEN**" in requirement, f"{spec}: no scenario: {requirement.splitlines()[0]}"
