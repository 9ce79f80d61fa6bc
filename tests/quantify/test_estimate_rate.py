"""R of online meetings in the four ways of 2.3.6, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from scipy import stats

from abate.quantify import estimate_rate
from abate.quantify.catalogue import SHIPPED
from abate.quantify.estimate_bounds import Asked
from abate.quantify.estimate_input import EstimateError
from abate.quantify.estimate_policy import read_policy

POLICY = read_policy(SHIPPED)
ASKED = Asked(0.95, 0.05)
SURVEY = ("meeting_id", "day", "replaced", "walkable")
PARALLEL = ("meeting_id", "online_start", "online_end", "offline_start", "offline_end", "online_participants",
            "offline_participants", "offline_walkable")  # fmt: skip
DURATION = ("meeting_id", "day", "duration_min", "participants", "walkable")
PLACES = ("meeting_id", "day", "participant_id", "area")
Write = Callable[[Sequence[str], Iterable[Sequence[object]]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
        path = tmp_path / f"sample{len(list(tmp_path.iterdir()))}.csv"
        lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    return written


def answers(*groups: tuple[int, str, str]) -> list[tuple[object, ...]]:
    kinds = [(replaced, walk) for n, replaced, walk in groups for _ in range(n)]
    return [(f"m{i}", f"2026-10-{1 + i % 31:02d}", r, w) for i, (r, w) in enumerate(kinds)]


def refused(code: str, call: Callable[[], object]) -> EstimateError:
    with pytest.raises(EstimateError) as caught:
        call()
    assert caught.value.code == code, str(caught.value)
    assert caught.value.remedy and caught.value.clause
    return caught.value


def exact(count: int, n: int) -> float:
    """Clopper and Pearson's lower bound by the F distribution: another form of the same."""
    f = stats.f.ppf(0.95, 2 * (n - count + 1), 2 * count)
    return float(count / (count + (n - count + 1) * f))


@pytest.mark.clause("M-2.3.6-2")
def test_a_survey_gives_the_share_of_yes_and_its_exact_lower_bound(write: Write) -> None:
    found = estimate_rate.by_survey(
        write(SURVEY, answers((40, "yes", "no"), (60, "no", "no"))), ASKED, POLICY
    )
    assert (found.asked, found.units, found.bounds.point) == (100, 100, 0.4)
    assert found.bounds.one_sided[0] == pytest.approx(exact(40, 100))
    assert [d.isoformat() for d in found.period] == ["2026-10-01", "2026-10-31"]


@pytest.mark.clause("M-2.3.6-0", "M-2.3.6-2")
def test_who_could_have_walked_over_replaced_no_trip(write: Write) -> None:
    rows = answers((40, "yes", "no"), (20, "yes", "yes"), (40, "no", "no"))
    assert estimate_rate.by_survey(write(SURVEY, rows), ASKED, POLICY).bounds.point == 0.4
    shares = answers((50, "0.6", "0.2"), (50, "0.1", "0.5"))
    assert estimate_rate.by_survey(write(SURVEY, shares), ASKED, POLICY).bounds.point == pytest.approx(0.2)


@pytest.mark.clause("M-2.3.6-2")
def test_silence_counts_as_no(write: Write) -> None:
    found = estimate_rate.by_survey(write(SURVEY, answers((40, "yes", "no"), (60, "", "no"))), ASKED, POLICY)
    assert found.bounds.point == 0.4 and "60 did not answer" in found.remarks[0].en


@pytest.mark.clause("M-2.3.6-2")
def test_a_stratified_survey_weighs_by_population(write: Write) -> None:
    rows = [(*r, "big") for r in answers((10, "yes", "no"), (40, "no", "no"))]
    rows += [(f"s{r[0]}", *r[1:], "small") for r in answers((30, "yes", "no"), (20, "no", "no"))]
    strata = write(("stratum", "population"), [("big", 1000), ("small", 500)])
    sample = write((*SURVEY, "stratum"), rows)
    found = estimate_rate.by_survey(sample, ASKED, POLICY, strata)
    assert found.bounds.point == pytest.approx(1 / 3) and found.population == 1500
    assert found.bounds.one_sided[0] < found.bounds.two_sided[1]
    refused("missing_weights", lambda: estimate_rate.by_survey(sample, ASKED, POLICY))
    unknown = write(("stratum", "population"), [("big", 1000)])
    refused("missing_weights", lambda: estimate_rate.by_survey(sample, ASKED, POLICY, unknown))
    empty = write(("stratum", "population"), [("big", 1000), ("small", 500), ("none", 20)])
    refused("stratum_empty", lambda: estimate_rate.by_survey(sample, ASKED, POLICY, empty))
    less = write(("stratum", "population"), [("big", 49), ("small", 500)])
    refused("population_too_small", lambda: estimate_rate.by_survey(sample, ASKED, POLICY, less))
    few = write((*SURVEY, "stratum"), rows[:59])
    refused("stratum_too_small", lambda: estimate_rate.by_survey(few, ASKED, POLICY, strata))


@pytest.mark.clause("M-2.3.6-2")
def test_a_survey_of_three_is_refused_and_says_whose_limit_it_is(write: Write) -> None:
    error = refused(
        "sample_too_small",
        lambda: estimate_rate.by_survey(write(SURVEY, answers((3, "yes", "no"))), ASKED, POLICY),
    )
    assert "name no smallest sample" in error.reason and "policy `least_sample`" in error.remedy
    enough = write(SURVEY, answers((30, "yes", "no")))
    assert estimate_rate.by_survey(enough, ASKED, POLICY).units == 30
    refused(
        "sample_too_small",
        lambda: estimate_rate.by_survey(write(SURVEY, answers((29, "no", "no"))), ASKED, POLICY),
    )


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (("x", "2026-10-01", "1.2", "no"), "share_out_of_range"),
        (("x", "2026-10-01", "-0.1", "no"), "share_out_of_range"),
        (("x", "2026-10-01", "maybe", "no"), "not_a_number"),
        (("x", "2026-10-01", "nan", "no"), "not_a_number"),
        (("x", "October", "yes", "no"), "not_a_date"),
        (("x", "2026-10-01", "yes", ""), "missing"),
        (("m0", "2026-10-01", "yes", "no"), "not_independent"),
        (("x", "2026-10-01", "yes", "no", "more"), "malformed"),
    ],
)
def test_a_bad_answer_is_refused_with_its_line(write: Write, row: tuple[str, ...], code: str) -> None:
    sample = write(SURVEY, [*answers((40, "yes", "no")), row])
    error = refused(code, lambda: estimate_rate.by_survey(sample, ASKED, POLICY))
    assert error.where.endswith("line 42")


def test_a_survey_with_names_is_refused(write: Write) -> None:
    sample = write((*SURVEY, "phone"), [(*r, "1") for r in answers((40, "yes", "no"))])
    error = refused("unknown_column", lambda: estimate_rate.by_survey(sample, ASKED, POLICY))
    assert "anonymous" in error.reason
    refused("missing_column", lambda: estimate_rate.by_survey(write(SURVEY[:3], []), ASKED, POLICY))
    refused("empty", lambda: estimate_rate.by_survey(write(SURVEY, []), ASKED, POLICY))
    refused("no_file", lambda: estimate_rate.by_survey(Path("nowhere.csv"), ASKED, POLICY))


def both_ways(n: int, **changes: object) -> list[tuple[object, ...]]:
    row = dict(zip(PARALLEL, ("", "2026-10-01T09:00:00+08:00", "2026-10-01T10:00:00+08:00",
               "2026-10-01T09:05:00+08:00", "2026-10-01T10:05:00+08:00", 6, 4, 1), strict=True)) | changes  # fmt: skip
    return [(f"p{i}", *list(row.values())[1:]) for i in range(n)]


@pytest.mark.clause("M-2.3.6-0", "M-2.3.6-3")
def test_parallel_meetings_give_the_share_that_travelled(write: Write) -> None:
    """20 meetings with 3 of 10 who travelled and 20 with 1 of 4: 80 of 280 people."""
    rows = both_ways(20) + [
        (f"q{r[0]}", *r[1:]) for r in both_ways(20, online_participants=2, offline_participants=2)
    ]
    found = estimate_rate.by_parallel_meetings(write(PARALLEL, rows), ASKED, POLICY)
    assert found.units == 40 and found.bounds.point == pytest.approx(80 / 280)
    assert found.bounds.one_sided[0] < found.bounds.point
    assert "40 of those offline could have walked" in found.remarks[0].en


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        (
            {"offline_start": "2026-10-01T10:00:00+08:00", "offline_end": "2026-10-01T11:00:00+08:00"},
            "periods_apart",
        ),
        (
            {"offline_start": "2026-10-02T09:00:00+08:00", "offline_end": "2026-10-02T11:00:00+08:00"},
            "periods_apart",
        ),
        ({"online_end": "2026-10-01T09:00:00+08:00"}, "end_before_start"),
        ({"online_end": "2026-10-01T10:00:00"}, "not_a_time"),
        ({"offline_walkable": 5}, "more_walkers"),
        ({"offline_participants": 1, "online_participants": 0}, "no_meeting"),
        ({"offline_participants": "2.5"}, "not_a_count"),
        ({"offline_participants": -1}, "negative"),
    ],
)
def test_what_is_no_meeting_held_both_ways_is_refused(
    write: Write, changes: dict[str, object], code: str
) -> None:
    sample = write(PARALLEL, both_ways(40, **changes))
    refused(code, lambda: estimate_rate.by_parallel_meetings(sample, ASKED, POLICY))


@pytest.mark.clause("M-2.3.6-3")
def test_few_parallel_meetings_are_refused_however_many_people(write: Write) -> None:
    sample = write(PARALLEL, both_ways(29, online_participants=600))
    refused("sample_too_small", lambda: estimate_rate.by_parallel_meetings(sample, ASKED, POLICY))


@pytest.mark.clause("M-2.3.6-0", "M-2.3.6-4")
def test_durations_count_valid_meetings_beyond_the_length_that_was_sourced(write: Write) -> None:
    """100 valid: 60 longer than 60 minutes, 10 of them walkable; exactly 60 is not longer, and 30 is no meeting."""
    kinds = (
        [(90, 4, "no")] * 50
        + [(61, 3, "yes")] * 10
        + [(60, 3, "no")] * 40
        + [(30, 3, "no")] * 7
        + [(90, 1, "no")] * 3
    )
    sample = write(DURATION, [(f"d{i}", "2026-10-05", *kind) for i, kind in enumerate(kinds)])
    found = estimate_rate.by_durations(sample, ASKED, POLICY, 60, "travel policy 2026, 4.2")
    assert (found.asked, found.units, found.bounds.point) == (110, 100, 0.5)
    assert found.bounds.one_sided[0] == pytest.approx(exact(50, 100))
    assert "travel policy 2026" in found.design.en
    refused("threshold_too_short", lambda: estimate_rate.by_durations(sample, ASKED, POLICY, 29, "x"))
    refused("threshold_without_source", lambda: estimate_rate.by_durations(sample, ASKED, POLICY, 60, " "))
    invalid = write(DURATION, [(f"d{i}", "2026-10-05", 30, 5, "no") for i in range(90)])
    refused("sample_too_small", lambda: estimate_rate.by_durations(invalid, ASKED, POLICY, 60, "x"))


def people(meeting: str, *areas: str) -> list[tuple[object, ...]]:
    return [(meeting, "2026-10-05", f"u{i}", area) for i, area in enumerate(areas)]


@pytest.mark.clause("M-2.3.6-0", "M-2.3.6-5")
def test_places_count_those_outside_the_area_where_most_are(write: Write) -> None:
    """Of five: three in the area of the meeting, one elsewhere, one of unknown place: one trip of five."""
    rows = [r for i in range(40) for r in people(f"m{i}", "a", "a", "a", "b", "")]
    found = estimate_rate.by_places(write(PLACES, rows), ASKED, POLICY)
    assert found.bounds.point == pytest.approx(0.2) and found.units == 40
    assert found.bounds.one_sided[0] < 0.2 and found.remarks[0].en.startswith("40 of unknown place")
    together = [r for i in range(40) for r in people(f"m{i}", "a", "a", "a")]
    assert estimate_rate.by_places(write(PLACES, together), ASKED, POLICY).bounds.point == 0
    apart = [r for i in range(40) for r in people(f"m{i}", "a", "b", "c", "d")]
    assert estimate_rate.by_places(write(PLACES, apart), ASKED, POLICY).bounds.point == pytest.approx(0.75)
    refused("sample_too_small", lambda: estimate_rate.by_places(write(PLACES, rows[:100]), ASKED, POLICY))
    alone = write(PLACES, rows + people("m99", "a"))
    refused("no_meeting", lambda: estimate_rate.by_places(alone, ASKED, POLICY))
    twice = write(PLACES, rows + people("m99", "a", "b") + people("m99", "a"))
    refused("not_independent", lambda: estimate_rate.by_places(twice, ASKED, POLICY))
