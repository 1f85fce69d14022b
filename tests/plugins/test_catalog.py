"""Which file is which plugin, whatever order they come in."""

import json
from pathlib import Path

from app.plugins.catalog import Candidate, Offer, allot
from app.plugins.folder import PluginFile
from app.plugins.metadata import parse
from tests.plugins.support import metadata as fields_of


def candidate(name: str, plugin_id: str, route: str) -> Candidate:
    metadata = parse(json.dumps(fields_of(plugin_id, route=route)).encode())
    return Candidate(PluginFile(Path("/plugins") / name, (1, 2, 3, 4)), metadata)


def test_the_first_name_wins_at_the_start() -> None:
    candidates = {name: candidate(name, "same", "/same") for name in ("c.binary", "a.binary", "b.binary")}
    offer = Offer()
    assert allot(candidates, [], offer, {}, ()) == ["a.binary"]
    assert offer.plugins["same"].file.name == "a.binary"
    assert {problem.file: problem.reason for problem in offer.problems} == {
        "b.binary": "Its id same is that of a.binary.",
        "c.binary": "Its id same is that of a.binary.",
    }


def test_who_was_there_stays_when_another_comes() -> None:
    candidates = {"b.binary": candidate("b.binary", "b", "/x"), "a.binary": candidate("a.binary", "a", "/x")}
    offer = Offer()
    assert allot(candidates, ["b.binary"], offer, {}, ()) == ["b.binary"]
    assert [(problem.file, problem.plugin_id, problem.reason) for problem in offer.problems] == [
        ("a.binary", "a", "Its route /x is that of b.binary.")
    ]


def test_the_second_moves_up_when_the_first_goes() -> None:
    offer = Offer()
    assert allot({"a.binary": candidate("a.binary", "a", "/x")}, ["b.binary"], offer, {}, ()) == ["a.binary"]
    assert offer.problems == []


def test_the_file_that_was_enabled_goes_before_whoever_holds_its_id() -> None:
    candidates = {name: candidate(name, "same", "/same") for name in ("a.binary", "b.binary")}
    offer = Offer()
    assert allot(candidates, ["a.binary"], offer, {"same": "b.binary"}, ("same",)) == ["b.binary"]
    assert [problem.reason for problem in offer.problems] == ["Its id same is that of b.binary."]


def test_an_id_is_kept_for_a_file_that_cannot_be_run_now() -> None:
    offer = Offer()
    candidates = {"a.binary": candidate("a.binary", "same", "/same")}
    assert allot(candidates, ["a.binary"], offer, {"same": "b.binary"}, ("same",)) == []
    assert [problem.reason for problem in offer.problems] == ["Its id same is that of b.binary."]


def test_a_route_goes_to_who_was_there_then_to_who_is_enabled() -> None:
    candidates = {f"{name}.binary": candidate(f"{name}.binary", name, "/x") for name in "abcd"}
    for first, keepers, enabled, winner in (
        ([], {}, (), "a"),
        ([], {"c": "c.binary"}, (), "c"),
        ([], {"c": "c.binary"}, ("b",), "b"),
        (["d.binary"], {"c": "c.binary"}, ("b",), "d"),
        (["d.binary"], {"c": "c.binary"}, ("b", "c"), "c"),
        (["d.binary"], {"c": "c.binary", "d": "d.binary"}, ("c", "d"), "d"),
    ):
        assert allot(candidates, first, Offer(), keepers, enabled) == [f"{winner}.binary"]
