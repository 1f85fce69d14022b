"""docs/proxies.md: what it has one write is what Toru takes."""

import re
from pathlib import Path

import pytest

from app.core.config import load_config
from tests.proxies.examples import GUIDE, HOST, blocks, env_lines, section
from tests.test_guides import variables

PROXIES = {"Cloudflare tunnel": "cloudflare", "Caddy": "forwarded", "nginx": "forwarded"}


@pytest.mark.parametrize("heading", PROXIES)
def test_its_lines_for_env_are_a_configuration(heading: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / ".env"
    file.write_text("\n".join(env_lines(heading)))
    config = load_config(env_file=file)
    assert config.production
    assert config.trust_proxy == PROXIES[heading]
    assert config.public_url == f"https://{HOST}"


def test_every_example_leads_to_the_port_that_toru_serves() -> None:
    port = load_config(env_file=None).port
    (tunnel,) = blocks("Cloudflare tunnel", "yaml")
    for example in (tunnel, *blocks("Caddy", "caddy"), *blocks("nginx", "nginx")):
        assert f"127.0.0.1:{port}" in example
        assert HOST in example


def test_every_variable_it_names_is_one() -> None:
    named = set(re.findall(r"\b(?:TORU|STEERING|ADMIN)_[A-Z_]+|\bTRUST_PROXY\b", GUIDE.read_text()))
    assert named
    assert named <= variables()


def test_the_readme_points_to_it() -> None:
    readme = (GUIDE.parent.parent / "README.md").read_text()
    assert "docs/proxies.md" in readme
    assert section("What Toru must know")
