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


def test_every_concept_has_a_spec() -> None:
    parts_of_auth = {"tokens", "second_factor"}  # as openspec/config.yaml says
    concepts = {path.parent.name for path in ROOT.glob("app/*/service.py")} - parts_of_auth - {"cli"}
    specs = {path.parent.name for path in ROOT.glob("openspec/specs/*/spec.md")}
    assert concepts <= specs, "describe a concept in openspec/specs/<concept>/spec.md"
