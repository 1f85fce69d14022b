"""Reads the text of /metrics as strictly as Prometheus and promtool do, without them."""

import re
from dataclasses import dataclass, field

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
SAMPLE = re.compile(r'(?P<name>[a-z0-9_]+)(?:\{(?P<labels>[^{}]*(?:"(?:\\.|[^"\\])*"[^{}]*)*)\})? (?P<value>\S+)')
LABEL = re.compile(r'(?P<key>[a-z_]+)="(?P<value>(?:\\\\|\\"|\\n|[^"\\\n])*)"(?:,|$)')
NOT_BASE_UNITS = re.compile(
    r"(milli|micro|nano)seconds|_ms\b|minutes|hours|percent|(kilo|mega|giga|kibi|mebi)bytes|_kb|_mb"
)
SUFFIXES = ("_bucket", "_sum", "_count")


@dataclass
class Told:
    """A family as it was told: its kind, and each sample by its name and labels."""

    kind: str
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)


def families_of(text: str) -> dict[str, Told]:
    """Every family by its name; fails on whatever promtool would not take, too."""
    assert text.endswith("\n")
    found: dict[str, Told] = {}
    helped = current = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped = line.split(" ", 3)[2]
            assert line.split(" ", 3)[3].endswith("."), f"a sentence: {line}"
        elif line.startswith("# TYPE "):
            _, _, current, kind = line.split(" ")
            assert current == helped, f"HELP and TYPE belong together: {line}"
            assert current not in found, f"told in two places: {current}"
            _check_name(current, kind)
            found[current] = Told(kind)
        else:
            key, value = _sample(line)
            told = found[current]
            assert _family(key[0], told.kind) == current, f"outside of its family: {line}"
            assert key not in told.samples, f"told twice: {line}"
            told.samples[key] = value
    for name, told in found.items():
        assert told.samples, f"nothing is told of {name}"
        if told.kind == "histogram":
            _check_histogram(told)
    return found


def samples(text: str) -> dict[str, float]:
    """Each sample's number by its name with its labels, as they stand there."""
    families_of(text)
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def exported_names(text: str) -> set[str]:
    """The names that an expression may use."""
    return {key[0] for told in families_of(text).values() for key in told.samples}


def _check_name(name: str, kind: str) -> None:
    assert NAME.fullmatch(name), name
    assert name.startswith("toru_"), name
    assert kind in ("gauge", "counter", "histogram"), name
    assert name.endswith("_total") == (kind == "counter"), f"only counters, and all of them, end in _total: {name}"
    assert not name.endswith(SUFFIXES), f"this end is a histogram's: {name}"
    assert not NOT_BASE_UNITS.search(name), f"seconds, bytes, ratios: {name}"


def _sample(line: str) -> tuple[tuple[str, tuple[tuple[str, str], ...]], float]:
    match = SAMPLE.fullmatch(line)
    assert match, line
    inside = match["labels"] or ""
    labels = tuple((label["key"], label["value"]) for label in LABEL.finditer(inside))
    assert sum(len(label[0]) for label in LABEL.finditer(inside)) == len(inside), line
    keys = [key for key, _ in labels]
    assert len(set(keys)) == len(keys), line
    assert not any(key.startswith("__") or key in ("job", "instance") for key in keys), f"Prometheus' own: {line}"
    return (match["name"], labels), float(match["value"])


def _family(name: str, kind: str) -> str:
    if kind == "histogram":
        assert name.endswith(SUFFIXES), name
        return name.rpartition("_")[0]
    return name


def _check_histogram(told: Told) -> None:
    counts: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    ends: dict[tuple[tuple[str, str], ...], float] = {}
    for (name, labels), value in told.samples.items():
        if name.endswith("_bucket"):
            *others, (key, bound) = labels
            assert key == "le", labels
            counts.setdefault(tuple(others), []).append((float(bound), value))
        elif name.endswith("_count"):
            ends[labels] = value
    for others_of, buckets in counts.items():
        assert [bound for bound, _ in buckets] == sorted({bound for bound, _ in buckets}), others_of
        assert [count for _, count in buckets] == sorted(count for _, count in buckets), others_of
        assert buckets[-1] == (float("inf"), ends[others_of]), others_of
    assert counts.keys() == ends.keys()
