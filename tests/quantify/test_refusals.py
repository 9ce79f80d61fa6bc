"""Each file of tests/broken is refused at the marked line, with the words its head asks for."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


SPOILT = ("null", "[]", "{}", "1", '"x"', "true", "2023-01-01", "[1]", "{a: b}", "&a *a", "!!binary x", "-")
SHIPPED = [catalogue.SHIPPED / name / "v1.yaml" for name in ("online-meeting", "saving-electricity")]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_whatever_line_is_spoilt_nothing_but_a_refusal_comes(tmp_path: Path, data: st.DataObject) -> None:
    lines = data.draw(st.sampled_from(SHIPPED)).read_text("utf-8").splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    match data.draw(st.sampled_from(("cut", "double", "value", "sign"))):
        case "cut":
            del lines[at]
        case "double":
            lines.insert(at, lines[data.draw(st.integers(0, len(lines) - 1))])
        case "value":
            lines[at] = f"{lines[at].partition(':')[0]}: {data.draw(st.sampled_from(SPOILT))}"
        case _:
            lines[at] = lines[at].replace(
                data.draw(st.sampled_from('*"{}:,')), data.draw(st.sampled_from("/-%")), 1
            )
    path = tmp_path / "v1.yaml"
    path.write_text("\n".join(lines), "utf-8")
    with contextlib.suppress(MethodError):
        read_method(path, catalogue.load().registry)
