"""An operator's list: which behaviours are open in which region and from which day (P-7.2-c)."""

from __future__ import annotations

from pathlib import Path

import pytest

from abate.quantify import catalogue
from abate.quantify.catalogue import Catalogue
from abate.quantify.factors import Setting
from abate.quantify.one import quantify_one
from abate.quantify.reading import MethodError

pytestmark = pytest.mark.clause("P-7.2-c")

CATALOGUE: Catalogue = catalogue.load()
WHY = "why: {zh: 当地没有地铁, en: there is no metro here}"


def pack(folder: Path, *switches: str, otherwise: str = "open") -> Path:
    """A pack whose one figure lets `metro` wait for the other: closed, it asks for none."""
    path = folder / "pack.yaml"
    rows = "".join(f"    - {{{switch}}}\n" for switch in switches) or "    []\n"
    path.write_text(
        "pack: mine\ntitles: {zh: 我的, en: mine}\nillustration: false\n"
        "figures:\n  - {method: walking, parameter: ef_baseline, factor: uk-2023-bus-average}\n"
        f"catalogue:\n  otherwise: {otherwise}\n  switches:\n{rows}",
        "utf-8",
    )
    return path


def trip(day: str) -> dict[str, object]:
    start, end = f"{day}T08:00:00+08:00", f"{day}T08:30:00+08:00"
    return {"trip_id": "t", "start": start, "end": end, "distance_km": "2"}


def reasons(path: Path, method: str, region: str | None, *days: str) -> list[str | None]:
    setting = Setting(region=region, pack=CATALOGUE.pack(str(path)))
    return [quantify_one(trip(day), method, CATALOGUE, setting)[0].reason for day in days]


OPEN = None
SHUT = "closed:P-7.2-c"


def test_a_region_opens_and_closes_on_its_days_and_the_rest_is_as_before(tmp_path: Path) -> None:
    shut = f"behaviour: walking, region: 海南, from: 2025-03-01, to: 2025-03-31, open: false, {WHY}"
    path = pack(tmp_path, shut)
    days = ("2025-02-28", "2025-03-01", "2025-03-31", "2025-04-01")
    assert reasons(path, "walking", "CN-海南", *days) == [OPEN, SHUT, SHUT, OPEN]
    assert reasons(path, "walking", "hainan", "2025-03-10") == [SHUT]
    assert reasons(path, "walking", "CN-北京", *days) == [OPEN] * 4
    assert reasons(path, "walking", None, *days) == [OPEN] * 4


def test_the_regions_own_switch_goes_before_the_one_for_everywhere(tmp_path: Path) -> None:
    path = pack(
        tmp_path,
        f"behaviour: walking, open: false, {WHY}",
        f"behaviour: walking, region: CN-北京, from: 2025-01-01, to: 2025-12-31, open: true, {WHY}",
    )
    days = ("2024-12-31", "2025-01-01", "2025-12-31", "2026-01-01")
    assert reasons(path, "walking", "CN-北京", *days) == [SHUT, OPEN, OPEN, SHUT]
    assert reasons(path, "walking", "CN-上海", "2025-06-01") == [SHUT]


def test_what_is_not_on_a_closed_list_counts_nothing_and_asks_for_no_figure(tmp_path: Path) -> None:
    path = pack(tmp_path, f"behaviour: walking, open: true, {WHY}", otherwise="closed")
    assert reasons(path, "walking", None, "2025-06-01") == [OPEN]
    assert reasons(path, "cycling", None, "2025-06-01") == [SHUT]
    assert reasons(pack(tmp_path), "cycling", None, "2025-06-01") == ["no_figure:ef_baseline"]


def test_a_bad_record_of_a_closed_behaviour_is_still_refused(tmp_path: Path) -> None:
    setting = Setting(pack=CATALOGUE.pack(str(pack(tmp_path, f"behaviour: walking, open: false, {WHY}"))))
    bad = trip("2025-06-01") | {"distance_km": "-1"}
    assert quantify_one(bad, "walking", CATALOGUE, setting)[0].reason == "out_of_range:distance_km"
    early = quantify_one(trip("2019-06-01"), "walking", CATALOGUE, setting)[0]
    assert early.reason == "no_method_in_force:start"


@pytest.mark.parametrize(
    ("switch", "reason"),
    [
        ("behaviour: running, open: false", "there is no methodology running"),
        ("behaviour: walking, region: Atlantis, open: false", "region 'Atlantis' is not known"),
        ("behaviour: walking, from: 2025-02-01, to: 2025-01-01, open: false", "ends before it begins"),
        ("behaviour: walking, open: shut", "neither true nor false"),
        ("behaviour: walking, open: false, by: me", "unknown key `by`"),
    ],
)
def test_a_switch_that_would_do_nothing_is_refused(tmp_path: Path, switch: str, reason: str) -> None:
    with pytest.raises(MethodError) as refused:
        CATALOGUE.pack(str(pack(tmp_path, f"{switch}, {WHY}")))
    assert reason in str(refused.value) and refused.value.remedy


def test_two_switches_never_hold_on_one_day(tmp_path: Path) -> None:
    two = [f"behaviour: walking, from: 2025-0{n}-01, open: false, {WHY}" for n in (1, 2)]
    with pytest.raises(MethodError, match="two switches of walking hold on one day"):
        CATALOGUE.pack(str(pack(tmp_path, *two)))
    with pytest.raises(MethodError, match="neither open nor closed"):
        CATALOGUE.pack(str(pack(tmp_path, otherwise="perhaps")))
