"""The world of the main path at a fixed moment."""

from __future__ import annotations

from tests.platform.quarantine.conftest import world

__all__ = ["world"]
