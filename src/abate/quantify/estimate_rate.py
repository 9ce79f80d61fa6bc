"""R, the replacement rate of online meetings, in the four ways of 2.3.6 (M-2.3.6-2 to M-2.3.6-5).

The guide names the ways and leaves the arithmetic open; the arithmetic here is this project's and stands in
each function. In every way whoever could have walked over replaces no trip (M-2.3.6-0).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from abate.quantify import estimate_bounds, estimate_survey
from abate.quantify.estimate_bounds import Asked
from abate.quantify.estimate_document import WAYS
from abate.quantify.estimate_input import EstimateError, Row, read_sample
from abate.quantify.estimate_policy import Policy
from abate.quantify.estimate_survey import KORN
from abate.quantify.estimate_write import Found
from abate.quantify.method import Text

SHORTEST, FEWEST = 30, 2
"""An online meeting lasts longer than 30 minutes and has two or more participants (guide, 2.2.2)."""
RATIO = Text(
    f"{KORN.zh}；会议为抽样群，比率估计",
    f"{KORN.en}; ratio estimator, the meetings being clusters",
)


def by_survey(
    path: Path, asked: Asked, policy: Policy, strata: Path | None = None, population: int | None = None
) -> Found:
    """2.3.6: participants are asked whether this meeting really replaced one in person.

    One line a meeting: `replaced` yes, no, or the share of those asked in it who say so; `walkable` likewise
    for those who could have walked over. The answer that counts is what is left of the first after the second.
    """
    clause = WAYS["survey"][0]
    sample = read_sample(
        path, clause, ("meeting_id", "day", "replaced", "walkable"), ("stratum",), "meeting_id"
    )
    answers = [
        max(0.0, estimate_survey.replaced(row) - row.share("walkable")) if row.given("replaced") else 0.0
        for row in sample.rows
    ]
    found = estimate_survey.survey(sample, answers, asked, policy, strata, population)
    units = len(answers)
    return Found(
        "rate", "survey", found.design, found.statistics, sample.file, sample.sha256, units, units,
        found.population, found.bounds, sample.period(), (*found.remarks, _walkers(sample.rows)),
    )  # fmt: skip


def by_parallel_meetings(path: Path, asked: Asked, policy: Policy) -> Found:
    """2.3.6: of many meetings held online and offline at once, the share that takes part offline.

    R = (offline participants who could not have walked over) / (all participants). The two halves of a
    meeting must overlap in time.
    """
    times = ("online_start", "online_end", "offline_start", "offline_end")
    counts = ("online_participants", "offline_participants", "offline_walkable")
    sample = read_sample(path, WAYS["parallel"][0], ("meeting_id", *times, *counts), (), "meeting_id")
    sample.enough(int(policy.least_sample.value), "meetings", policy.least_sample.why.en)
    travelled, all_of_them, days = [], [], []
    for row in sample.rows:
        online, offline = (
            tuple(row.time(f"{side}_{end}") for end in ("start", "end")) for side in ("online", "offline")
        )
        if online[1] <= online[0] or offline[1] <= offline[0]:
            raise row.refuse("end_before_start", "a half ends before it begins", "correct the times")
        if online[1] <= offline[0] or offline[1] <= online[0]:
            raise row.refuse(
                "periods_apart",
                "the online and the offline half do not overlap, so it is not one meeting held both ways",
                "leave it out, or correct the times",
            )
        there, walked = row.count("offline_participants"), row.count("offline_walkable")
        whole = there + row.count("online_participants")
        if walked > there:
            raise row.refuse(
                "more_walkers", f"{walked} of {there} walked", "count those offline who could walk"
            )
        if whole < FEWEST:
            raise row.refuse(
                "no_meeting", f"{whole} took part; a meeting has two or more (2.2.2)", "leave it out"
            )
        travelled.append(there - walked)
        all_of_them.append(whole)
        days.append(online[0].date())
    n, people = len(travelled), sum(all_of_them)
    return Found(
        "rate", "parallel",
        Text(f"{n} 场线上线下同步会议，{people} 名参会人", f"{n} meetings held both ways, {people} participants"),
        RATIO, sample.file, sample.sha256, n, n, None,
        estimate_bounds.ratio(travelled, all_of_them, asked), (min(days), max(days)),
        (_walked(sum(all_of_them) - sum(travelled) - sum(r.count("online_participants") for r in sample.rows)),),
    )  # fmt: skip


def by_durations(path: Path, asked: Asked, policy: Policy, longer_than: float, source: str) -> Found:
    """2.3.6: by the distribution of the durations of valid meetings.

    R = the share of valid meetings that last longer than the time from which people would have travelled,
    less those of them who could have walked over. That time is the operator's, with its source, and never
    below the 30 minutes of 2.2.2. Lines of shorter meetings or of fewer than two are no valid meetings.
    """
    clause = WAYS["duration"][0]
    if longer_than < SHORTEST:
        raise EstimateError(
            "threshold_too_short", "--longer-than", f"{longer_than:g} minutes; a meeting is longer than {SHORTEST}",
            "M-2.2.2", "give the length from which people would have met in person",
        )  # fmt: skip
    if not source.strip():
        raise EstimateError(
            "threshold_without_source", "--longer-than", "the guide gives no such length, so it is a figure of yours",
            clause, "name its document with --longer-than-source",
        )  # fmt: skip
    columns = ("meeting_id", "day", "duration_min", "participants", "walkable")
    sample = read_sample(path, clause, columns, (), "meeting_id")
    valid = [
        r for r in sample.rows if r.amount("duration_min") > SHORTEST and r.count("participants") >= FEWEST
    ]
    asked_of = len(sample.rows)
    sample = replace(sample, rows=tuple(valid))
    sample.enough(int(policy.least_sample.value), "valid meetings", policy.least_sample.why.en)
    values = [1 - r.share("walkable") if r.amount("duration_min") > longer_than else 0.0 for r in valid]
    n, long = len(values), sum(r.amount("duration_min") > longer_than for r in valid)
    return Found(
        "rate", "duration",
        Text(f"{n} 场有效会议，其中 {long} 场超过 {longer_than:g} 分钟（{source}）",
             f"{n} valid meetings, {long} of them longer than {longer_than:g} minutes ({source})"),
        estimate_survey.CLOPPER if set(values) <= {0.0, 1.0} else KORN,
        sample.file, sample.sha256, asked_of, n, None, estimate_bounds.simple(values, asked), sample.period(),
        (Text(f"{asked_of - n} 场不足 30 分钟或少于两人，不是有效会议", f"{asked_of - n} are no valid meetings (2.2.2)"),
         _walkers(valid)),
        (longer_than, source),
    )  # fmt: skip


def by_places(path: Path, asked: Asked, policy: Policy) -> Found:
    """2.3.6: from the users' data, the share of participants who would most likely have travelled.

    One line a participant with the area of the place; an area is what can be walked across (one building, or
    offices near each other). The meeting in person is taken to be where most of them are, which makes the
    fewest trips; whoever is there, and whoever has no known place, makes none. R = trips / participants.
    """
    sample = read_sample(path, WAYS["places"][0], ("meeting_id", "day", "participant_id", "area"))
    meetings: dict[str, list[Row]] = {}
    for row in sample.rows:
        meetings.setdefault(row.text("meeting_id"), []).append(row)
    trips, people = [], []
    for rows in meetings.values():
        _once(rows)
        areas = Counter(row.text("area") for row in rows if row.given("area"))
        here = max(areas.values(), default=0)
        trips.append(sum(areas.values()) - here)
        people.append(len(rows))
    least = int(policy.least_sample.value)
    if len(meetings) < least:
        raise sample.refuse(
            "sample_too_small",
            f"{len(meetings)} meetings, and at least {least} are needed. {policy.least_sample.why.en}",
            f"take at least {least} meetings; the limit is policy `least_sample` of methods/estimates.yaml",
        )
    n, unknown = len(meetings), sum(not row.given("area") for row in sample.rows)
    return Found(
        "rate", "places",
        Text(f"{n} 场会议，{sum(people)} 名参会人的所在地", f"places of {sum(people)} participants of {n} meetings"),
        RATIO, sample.file, sample.sha256, n, n, None, estimate_bounds.ratio(trips, people, asked), sample.period(),
        (Text(f"{unknown} 人所在地不明，按无出行计", f"{unknown} of unknown place count as no trip"),),
    )  # fmt: skip


def _once(rows: Sequence[Row]) -> None:
    seen: set[str] = set()
    for row in rows:
        who = row.text("participant_id")
        if who in seen:
            raise row.refuse(
                "not_independent", f"participant {who} stands twice in a meeting", "one line each"
            )
        seen.add(who)
    if len(rows) < FEWEST:
        raise rows[0].refuse(
            "no_meeting", "one participant; a meeting has two or more (2.2.2)", "leave it out"
        )


def _walkers(rows: Sequence[Row]) -> Text:
    count = sum(row.given("walkable") and row.share("walkable") > 0 for row in rows)
    return Text(
        f"{count} 场有人可步行到会，这部分不计（M-2.3.6-0）",
        f"in {count} somebody could have walked over, which does not count (M-2.3.6-0)",
    )


def _walked(people: int) -> Text:
    return Text(
        f"线下参会人中 {people} 人可步行到会，不计（M-2.3.6-0）",
        f"{people} of those offline could have walked over and do not count (M-2.3.6-0)",
    )
