"""Units: exact conversion, a passenger is a dimension, and nothing outside the vocabulary."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abate.quantify import units


@pytest.mark.parametrize(
    ("source", "target", "ratio"),
    [
        ("tCO2/MWh", "kgCO2e/kWh", Fraction(1)),
        ("gCO2e/km", "kgCO2e/km", Fraction(1, 1000)),
        ("W*h", "kWh", Fraction(1, 1000)),
        ("MJ", "kWh", Fraction(5, 18)),
        ("kgCO2e/vehicle-km", "kgCO2e/vkm", Fraction(1)),
        ("PUE", "1", Fraction(1)),
    ],
)
def test_conversion_is_exact(source: str, target: str, ratio: Fraction) -> None:
    assert units.ratio(source, target) == ratio


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("kg", "kWh"),
        ("kgCO2e/pkm*km", "kgCO2e"),
        ("kgCO2e/vkm", "kgCO2e/pkm"),
        ("kg", "kgCO2e"),
        ("currency", "1"),
        ("household", "person"),
    ],
)
def test_different_things_do_not_convert(source: str, target: str) -> None:
    with pytest.raises(units.UnitError, match="measure different things"):
        units.ratio(source, target)


def test_an_unknown_unit_is_named() -> None:
    with pytest.raises(units.UnitError, match="'furlong' is not in the vocabulary"):
        units.ratio("furlong", "km")


@pytest.mark.parametrize("text", ["km**(1/2)", "2*km", "km**km", "(km", "km km km)", "10**400", "[length]"])
def test_what_is_no_unit_of_whole_powers_is_refused(text: str) -> None:
    with pytest.raises(units.UnitError):
        units.parse(text)


def test_every_definition_converts_to_its_own_base_exactly() -> None:
    for definition in units.DEFINITIONS:
        name = definition.partition("=")[0].strip()
        assert units.ratio(name, name) == 1


@given(st.fractions(max_denominator=10**9))
def test_decimal_text_is_the_number(value: Fraction) -> None:
    assert Fraction(units.decimal_text(value)) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12))
def test_a_decimal_ends_and_has_no_trailing_zeros(value: object) -> None:
    text = units.decimal_text(Fraction(str(value)))
    assert "/" not in text
    assert "." not in text or not text.endswith("0")


@given(st.text(alphabet="kgCO2ehWm/*() 19_-+.^[]", max_size=12) | st.text(max_size=8))
def test_whatever_is_written_is_a_unit_or_is_refused(text: str) -> None:
    try:
        units.parse(text)
    except units.UnitError as error:
        assert repr(text) in str(error) or "vocabulary" in str(error)


THREADS = """
import sys, threading
sys.setswitchinterval(1e-6)
from abate.quantify import units
texts = ["kgCO2e/kWh", "kgCO2e", "kWh", "km", "pkm", "kgCO2e/pkm", "kg", "h"]
begin, found = threading.Barrier(len(texts)), []
def parse(text):
    begin.wait()
    found.append(units.parse(text))
threads = [threading.Thread(target=parse, args=(text,)) for text in texts]
[thread.start() for thread in threads], [thread.join() for thread in threads]
assert len(found) == len(texts)
assert units.parse("kgCO2e/kWh") * units.parse("kWh") == units.parse("kgCO2e")
assert units.parse("kgCO2e/pkm") * units.parse("pkm") == units.parse("kgCO2e")
"""


def test_threads_that_parse_first_at_the_same_time_share_one_vocabulary() -> None:
    """A server's first requests after a start: units of two vocabularies would never compare again."""
    done = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
