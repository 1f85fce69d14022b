"""Fixtures of the tests of tokens: they need somebody who lets them in."""

from tests.auth.conftest import door

__all__ = ["door"]
