"""Which processes share a mother: only those whose database it turns to."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults import children


def test_an_embedded_database_has_a_mother_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(children, "Mother", lambda *_: object())
    mothers = children.Mothers(tmp_path)
    one, other = (mothers.of({"DATABASE_URL": f"postgresql://{name}"}) for name in ("one", "other"))
    assert one is other
    assert mothers.of({"DATABASE_URL": "embedded"}) is not one
