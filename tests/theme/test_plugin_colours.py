"""The variables that plugin pages know: all of the contract's, in both modes, and readable on each other."""

import re

import pytest

from theme.plugin_colours import plugin_utilities, plugin_variables

GROUNDS = ["background", "card", "popover", "primary", "secondary", "muted", "accent", "destructive"]
CONTRACT = {*GROUNDS, "foreground", *(f"{name}-foreground" for name in GROUNDS[1:]), "border", "input", "ring"}


def block(selector: str) -> dict[str, str]:
    found = re.search(re.escape(selector) + r"\{([^}]*)\}", plugin_variables())
    assert found is not None
    return dict(re.findall(r"--([a-z-]+):([^;]+)", found[1]))


@pytest.mark.parametrize("selector", [":root", ".dark"])
def test_all_of_the_contract_are_hsl_triplets(selector: str) -> None:
    values = block(selector)
    assert set(values) - {"radius"} == CONTRACT
    for name in CONTRACT:
        assert re.fullmatch(r"\d+(\.\d+)? \d+(\.\d+)?% \d+(\.\d+)?%", values[name]), name


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("selector", [":root", ".dark"])
def test_text_can_be_read_on_its_ground(selector: str, ground: str) -> None:
    values = block(selector)
    text = "foreground" if ground == "background" else f"{ground}-foreground"
    assert contrast(values[text], values[ground]) >= 4.5


def test_there_is_a_colour_class_for_each() -> None:
    for name in CONTRACT:
        assert f"--color-{name}:hsl(var(--{name}))" in plugin_utilities()


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(triplet: str) -> float:
    hue, saturation, light = (float(part.rstrip("%")) for part in triplet.split())
    light, chroma = light / 100, saturation / 100 * min(light / 100, 1 - light / 100)

    def channel(offset: float) -> float:
        place = (offset + hue / 30) % 12
        value = light - chroma * max(-1, min(place - 3, 9 - place, 1))
        return value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4

    return 0.2126 * channel(0) + 0.7152 * channel(8) + 0.0722 * channel(4)
