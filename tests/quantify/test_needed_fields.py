"""A methodology takes in what its figure, its recognition or telling acts apart needs, and names what is evidence alone."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from abate.quantify.catalogue import SHIPPED, load
from abate.quantify.method import Method

pytestmark = pytest.mark.clause("P-7.3.3.3-c")
EVIDENCE = {
    "bus.city",
    "cycling.city",
    "metro.city",
    "walking.city",
    "clean-plate.measured_by",
    "efficient-appliance.label_number",
    "online-bill-payment.utility",
    "scope-3-plus.activity_unit",
    "water-efficient-fittings.label_number",
}
"""What no formula and no rule reads. It stays with a record that was credited, whose leaf commits to the whole of it, and goes
with the others (platform/carbon/dropping.py); of the cities, which are optional, a partner may send none. This list only
shrinks: a new version of a methodology drops what it does not read.
"""


def unread(method: Method, compared: str) -> set[str]:
    """Fields of a methodology that neither it nor a rule about records (`compared`) reads."""
    activity = method.activity
    trees = (
        [one.expr for one in method.formulas.values()],
        [one.test for one in method.recognition],
        method.rules,
    )
    read = set(re.findall(r"'(\w+)'", repr(trees))) | {*activity.key, activity.dated_by}
    read |= {name for pair in (*activity.intervals, *activity.one_of) for name in pair}
    read |= {name for one in activity.derived for name in (one.start, one.end)}
    return {
        name
        for name in (one.name for one in activity.fields)
        if name not in read and not re.search(rf"\b{method.id}: .*\b{name}\b", compared)
    }


def test_every_field_is_read_or_named_as_evidence() -> None:
    compared = "".join((SHIPPED / name).read_text("utf-8") for name in ("same-act.yaml", "anomalies.yaml"))
    versions = [one for versions in load().methods.values() for one in versions]
    assert len({one.id for one in versions}) >= 59
    assert {f"{one.id}.{name}" for one in versions for name in unread(one, compared)} == EVIDENCE


def test_a_field_that_nothing_reads_would_be_found() -> None:
    (ride,) = load().methods["cycling"]
    planted = (*ride.activity.fields, replace(ride.activity.field("city"), name="gps_start"))
    assert unread(replace(ride, activity=replace(ride.activity, fields=planted)), "") == {"city", "gps_start"}
