"""Each file of tests/broken is refused at the marked line, with the words its head asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from abate.quantify import catalogue
from abate.quantify.reading import MethodError, read_method

BROKEN = Path(__file__).resolve().parents[1] / "broken"
FILES = sorted(p for p in BROKEN.glob("*.yaml") if p.stem != "in-order")


def asked(path: Path) -> tuple[list[str], int | None]:
    """The words of the head and the marked line."""
    lines = path.read_text("utf-8").splitlines()
    words = [line.removeprefix("#   ") for line in lines if line.startswith("#   ")]
    marked = [number for number, line in enumerate(lines, 1) if line.endswith("# <- here")]
    return words, marked[0] if marked else None


def test_the_file_they_all_spoil_is_in_order() -> None:
    assert read_method(BROKEN / "in-order.yaml", catalogue.load().registry).id == "sample"


def test_there_is_one_file_for_every_way_to_be_wrong() -> None:
    assert len(FILES) >= 60


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
@pytest.mark.clause("P-7.2-b", "P-7.3.3.1")
def test_it_is_refused(path: Path) -> None:
    words, line = asked(path)
    assert words, f"{path.name} does not say which words it expects"
    with pytest.raises(MethodError) as refusal:
        read_method(path, catalogue.load().registry)
    error = refusal.value
    assert all(word in str(error) for word in words), str(error)
    assert error.file == f"broken/{path.name}"
    assert error.remedy
    if line is not None:
        assert error.line == line, str(error)
