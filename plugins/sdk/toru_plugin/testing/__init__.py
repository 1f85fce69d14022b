"""Tests of plugins: `with running(plugin) as p: assert p.get("/greeting").json() == {"hello": "world"}`."""

from toru_plugin.testing.core import Answer, Core
from toru_plugin.testing.running import running
from toru_plugin.testing.screen import Reply, Screen

__all__ = ["Answer", "Core", "Reply", "Screen", "running"]
