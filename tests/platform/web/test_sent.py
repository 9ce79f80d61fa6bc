"""A partner asks for its own events: every outcome, every filter, page by page, by key and on its page; nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from tests.platform.reconciliation.test_addresses import token
from tests.platform.web import city as stage
from tests.platform.web.one_city import built as built
from tests.platform.web.one_city import city as city

from abate.platform.carbon import sent
from abate.platform.carbon.sent import Asked
from abate.platform.doors import clock
from abate.platform.events.reasons import REASONS
from abate.platform.parties import actions as parties
from abate.platform.parties.models import Party
from abate.platform.people import queries as people
from abate.platform.review import actions as review
from abate.platform.web.intake import answer_of

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
Enter = Callable[..., Client]


def ask(client: Client, headers: dict[str, str], **query: object) -> Any:
    return client.get(f"/v1/events?{urlencode(query)}", headers=headers)


def ids(client: Client, headers: dict[str, str], **query: object) -> list[str]:
    answer = ask(client, headers, **query)
    assert answer.status_code == 200, answer.content.decode()
    return [one["id"] for one in answer.json()["events"]]


@pytest.fixture
def headers(city: stage.City) -> dict[str, str]:
    return token(city.partner)


def every_outcome(city: stage.City) -> dict[str, dict[str, Any]]:
    """What was answered when it was sent, by id; some of it taken back and corrected since."""
    results = stage.book_every_outcome(city.partner, city.person)
    at = clock.now().replace(microsecond=0)
    again = stage.meeting(city.partner, city.person, "meeting-3b", at)
    again |= {"corrects": "meeting-3", "correctedfor": "wrong_figure"}
    back = stage.meeting(city.partner, city.person, "back-1", at)
    back |= {"type": "org.abate.withdrawal", "data": {"event": "meeting-2", "reason": "returned"}}
    results += stage.send(city.partner, [again, back])
    assert "refused" not in {one.outcome.text for one in results[-2:]}, results[-2:]
    return {one.id or "": answer_of(one, "zh") for one in results}


@pytest.mark.clause("P-6.2")
def test_every_event_is_listed_as_it_was_answered_and_names_nobody(
    city: stage.City, client: Client, headers: dict[str, str]
) -> None:
    answered = every_outcome(city)
    Party.objects.filter(pk=city.partner.pk).update(requests_per_minute=6000)
    answer = ask(client, headers)
    told = {one["id"]: one for one in answer.json()["events"]}
    assert told.keys() == answered.keys() and answer.json()["next_cursor"] is None
    assert "RateLimit" in answer and "meeting-bad" in told
    came = [one["received_at"] for one in answer.json()["events"]]
    assert came == sorted(came, reverse=True)
    for name, one in told.items():
        if name not in ("meeting-2", "meeting-3"):
            # The entry that a withdrawal undid is told once; where it lies is the person's own account.
            known = {k: v for k, v in answered[name].items() if k not in ("undone",)}
            same = (
                "outcome",
                "reason",
                "detail",
                "remedy",
                *(() if one["outcome"] == "withdrawn" else known),
            )
            assert {k: one.get(k) for k in same} == {k: known.get(k) for k in same}, name
    gone, replaced = told["meeting-2"], told["meeting-3"]
    assert (gone["outcome"], gone["stored"], gone["withdrawn_by"], gone["cause"]) == (
        "withdrawn", "credited", "back-1", "returned",
    )  # fmt: skip
    assert gone["er_mg"] == answered["meeting-2"]["er_mg"] and told["back-1"]["takes_back"] == "meeting-2"
    assert (replaced["outcome"], replaced["withdrawn_by"]) == ("corrected", "meeting-3b")
    assert told["meeting-3b"]["corrects"] == "meeting-3"
    assert told["meeting-bad"]["detail"] == REASONS["out_of_range"].text("zh")
    text = answer.content.decode()
    assert people.subject_for(city.person.pk, city.partner.pk) not in text
    assert not {"subject", "person", "person_id", "record", "data"} & {
        name for one in told.values() for name in one
    }
    for name in ("meeting-1", "meeting-bad", "back-1", "meeting-3"):
        assert client.get(f"/v1/events/{name}", headers=headers).json() == told[name]


@pytest.mark.clause("P-6.2")
def test_each_filter_keeps_what_matches_and_nothing_else(
    city: stage.City, client: Client, headers: dict[str, str]
) -> None:
    every_outcome(city)
    everything = {one["id"]: one for one in ask(client, headers).json()["events"]}
    for state in sent.STATES:
        wanted = {name for name, one in everything.items() if one["outcome"] == state}
        assert set(ids(client, headers, outcome=state)) == wanted, state
        assert wanted or state == "quarantined", state
    rides = {name for name, one in everything.items() if one["behaviour"] == "cycling"}
    assert set(ids(client, headers, behaviour="cycling")) == rides and len(rides) == 3
    assert ids(client, headers, behaviour="walking") == []
    subject = people.subject_for(city.person.pk, city.partner.pk)
    accepted = {name for name, one in everything.items() if one["outcome"] != "refused"}
    assert set(ids(client, headers, subject=subject)) == accepted
    assert ids(client, headers, subject=subject, outcome="refused") == []
    assert ids(client, headers, subject=people.subject_for(city.stranger.pk, city.partner.pk)) == []
    assert ids(client, headers, subject="nobody") == []
    today, tomorrow = clock.today(), clock.today() + timedelta(days=1)
    assert set(ids(client, headers, **{"from": today, "to": today})) == everything.keys()
    assert (
        ids(client, headers, **{"from": tomorrow}) == ids(client, headers, to=today - timedelta(days=1)) == []
    )
    middle = sorted(one["received_at"] for one in everything.values())[4]
    later = {name for name, one in everything.items() if one["received_at"] >= middle}
    assert set(ids(client, headers, **{"from": middle})) == later
    assert set(ids(client, headers, to=middle)) == everything.keys() - later and later


def read_all(client: Client, headers: dict[str, str], **query: object) -> list[str]:
    found: list[str] = []
    cursor: str | None = ""
    pages = 0
    while cursor is not None:
        pages += 1
        assert pages < 50
        more = {"cursor": cursor} if cursor else {}
        told = ask(client, headers, **query, **more).json()
        found += [one["id"] for one in told["events"]]
        cursor = told["next_cursor"]
    return found


def test_pages_go_on_where_the_last_one_ended(
    city: stage.City, client: Client, headers: dict[str, str], monkeypatch: Any
) -> None:
    """Within a batch and over several, with and without a filter; also where a page looks at fewer than match."""
    at = clock.now().replace(microsecond=0)
    for batch in range(3):
        names = [f"e-{batch}-{n}" for n in range(4)]
        times = [at - timedelta(hours=2 * (4 * batch + n)) for n in range(4)]
        events = [stage.meeting(city.partner, city.person, *one) for one in zip(names, times, strict=True)]
        events[1]["data"] = events[1]["data"] | {"home_address": "x"}  # type: ignore[operator]
        stage.send(city.partner, events)
    everything = ids(client, headers)
    assert len(set(everything)) == 12
    subject = people.subject_for(city.person.pk, city.partner.pk)
    credited = [name for name in everything if not name.endswith("-1")]
    monkeypatch.setattr(sent, "EXAMINED", 3)
    for limit in (2, 5, 12):
        assert read_all(client, headers, limit=limit) == everything
        assert read_all(client, headers, limit=limit, outcome="credited") == credited
        assert read_all(client, headers, limit=limit, subject=subject) == credited
        assert len(read_all(client, headers, limit=limit, outcome="refused")) == 3
    # What came in meanwhile shows on the first page, and moves nothing of the others.
    first = ask(client, headers, limit=5).json()
    stage.send(city.partner, [stage.meeting(city.partner, city.person, "meanwhile", at)])
    assert ids(client, headers, limit=5, cursor=first["next_cursor"]) == everything[5:10]


def test_a_page_of_refusals_goes_by_refusals_and_not_by_what_was_accepted(
    city: stage.City, client: Client, headers: dict[str, str], monkeypatch: Any
) -> None:
    at = clock.now().replace(microsecond=0)
    for batch in range(8):
        names = [f"e-{batch}-{n}" for n in range(4)]
        times = [at - timedelta(hours=2 * (4 * batch + n)) for n in range(4)]
        events = [stage.meeting(city.partner, city.person, *one) for one in zip(names, times, strict=True)]
        if batch < 2:
            events[1]["data"] = events[1]["data"] | {"home_address": "x"}  # type: ignore[operator]
        stage.send(city.partner, events)
    monkeypatch.setattr(sent, "EXAMINED", 9)
    told = ask(client, headers, outcome="refused", limit=1).json()
    assert [one["id"] for one in told["events"]] == ["e-1-1"]
    told = ask(client, headers, outcome="refused", limit=1, cursor=told["next_cursor"]).json()
    assert [one["id"] for one in told["events"]] == ["e-0-1"]
    # What one page looks at stays bounded, and nothing is lost by that.
    monkeypatch.setattr(sent, "EXAMINED", 3)
    assert ask(client, headers, outcome="refused", limit=1).json()["next_cursor"] is not None
    for limit in (1, 2, 5):
        assert read_all(client, headers, outcome="refused", limit=limit) == ["e-1-1", "e-0-1"]


def test_a_batch_of_refusals_is_counted_no_further_than_a_page_looks(city: stage.City) -> None:
    at = clock.now().replace(microsecond=0)
    events = [stage.meeting(city.partner, city.person, f"e-{n}", at) for n in range(40)]
    stage.send(city.partner, [one | {"data": {}} for one in events])
    with connection.cursor() as cursor:
        values = sent._span(city.partner.pk, Asked(), sent._NEWEST, 9) | {"refused": True}
        cursor.execute(f"explain (analyze, format json) {sent.SQL['batches']}", values)
        ((found,),) = cursor.fetchall()

    def read(node: dict[str, Any]) -> int:
        """The most rows that any step of a plan gave."""
        return max([node["Actual Rows"], *map(read, node.get("Plans", []))])

    assert read(found[0]["Plan"]) == 9


@pytest.mark.clause("P-8.4-c")
def test_another_party_s_events_are_not_there(
    city: stage.City, client: Client, headers: dict[str, str]
) -> None:
    every_outcome(city)
    other = parties.create_party("other", "data_provider", "他方", "Other", stage.BEHAVIOURS, made_up=True)
    theirs = token(other)
    subject = people.subject_for(city.person.pk, city.partner.pk)
    assert ids(client, theirs) == ids(client, theirs, subject=subject) == []
    for name in ("meeting-1", "meeting-bad", "never-sent"):
        answer = client.get(f"/v1/events/{name}", headers=theirs)
        assert (answer.status_code, answer.json()["code"]) == (404, "event-unknown")
    cursor = ask(client, headers, limit=2).json()["next_cursor"]
    assert ask(client, theirs, limit=2, cursor=cursor).json()["code"] == "cursor-invalid"
    log_only = token(Party.objects.get(pk=city.partner.pk), ["log"])
    for path in ("/v1/events", "/v1/events/meeting-1"):
        assert client.get(path).json()["code"] == "token-refused"
        assert client.get(path, headers=log_only).json()["code"] == "scope-missing"


@pytest.mark.parametrize("offset", ["-20:27", "+23:59"])
def test_a_filter_may_have_an_offset_that_the_database_does_not_know(
    city: stage.City, client: Client, headers: dict[str, str], offset: str
) -> None:
    stage.book_every_outcome(city.partner, city.person)
    every = ids(client, headers)
    assert ids(client, headers, **{"from": f"1970-01-01T00:00:00{offset}"}) == every
    assert ids(client, headers, to=f"1970-01-01T00:00:00{offset}") == []


WRONG = [
    ("person__id=1", 400, "parameter-unknown", "person__id"),
    ("outcome=credited&zz=1&aa=2", 400, "parameter-unknown", "aa, zz"),
    ("outcome=exists", 422, "filter-invalid", "outcome"),
    ("from=2026-13-01", 422, "filter-invalid", "from"),
    ("from=2026-11-20T10:00:00", 422, "filter-invalid", "from"),
    ("to=9999-12-31", 422, "filter-invalid", "to"),
    ("to=yesterday", 422, "filter-invalid", "to"),
    ("limit=0", 422, "filter-invalid", "limit: 1 to 1000"),
    ("limit=1001", 422, "filter-invalid", "limit: 1 to 1000"),
    ("limit=٣", 422, "filter-invalid", "limit: 1 to 1000"),
    ("outcome=credited&outcome=refused", 422, "filter-invalid", "outcome"),
    ("subject=" + "x" * 900, 422, "filter-invalid", "subject"),
    ("cursor=1", 422, "cursor-invalid", None),
    ("cursor=a:b:c", 422, "cursor-invalid", None),
]


def refuse_by_name(client: Client, headers: dict[str, str]) -> None:
    for query, status, code, detail in WRONG:
        answer = client.get(f"/v1/events?{query}", headers=headers)
        told = answer.json()
        assert (answer.status_code, told["code"], told.get("detail")) == (status, code, detail), query
        assert answer["Content-Type"].startswith("application/problem+json") and told["remedy"]
        if code == "parameter-unknown":
            assert client.get(f"/v1/events/x?{query}", headers=headers).status_code == 400


def test_what_cannot_be_asked_is_refused_by_name_and_a_cursor_is_good_for_its_query_alone(
    city: stage.City, client: Client, headers: dict[str, str]
) -> None:
    at = clock.now().replace(microsecond=0)
    stage.send(city.partner, [stage.meeting(city.partner, city.person, f"m-{n}", at) for n in range(4)])
    refuse_by_name(client, headers)
    cursor = ask(client, headers, limit=2).json()["next_cursor"]
    assert ask(client, headers, limit=3, cursor=cursor).status_code == 200
    for more in ({"outcome": "credited"}, {"from": clock.today()}, {"subject": "x"}):
        assert ask(client, headers, cursor=cursor, **more).json()["code"] == "cursor-invalid"
    body, _, signature = cursor.rpartition(":")
    changed = body[:-1] + ("A" if body[-1] != "A" else "B")
    for bad in (f"{changed}:{signature}", body, signature, cursor + "x"):
        assert ask(client, headers, cursor=bad).json()["code"] == "cursor-invalid"
    for name in ("a/b?c=1&d", "骑行 #7", "x%2Fy"):
        stage.send(city.partner, [stage.meeting(city.partner, city.person, name, at, meeting_id="m")])
        assert client.get(f"/v1/events/{quote(name, safe='')}", headers=headers).json()["id"] == name
    assert client.get("/v1/events/a%00b", headers=headers).status_code in (400, 404)


@pytest.mark.clause("P-6.2")
def test_the_page_shows_the_same_list_with_the_same_filters(city: stage.City, enter: Enter) -> None:
    assert not settings.ABATE_SANDBOX
    keeper = review.create_user("staff", made_up=True)
    parties.add_member(keeper, city.partner, "partner")
    page = enter(keeper, "en")
    assert "No event matches." in page.get("/partner/events").content.decode()
    every_outcome(city)
    text = page.get("/partner/events").content.decode()
    assert all(name in text for name in ("meeting-1", "meeting-bad", "back-1", "ride-without-figure"))
    assert people.subject_for(city.person.pk, city.partner.pk) not in text
    refused = page.get("/partner/events?outcome=refused&from=&to=&behaviour=&subject=").content.decode()
    assert "meeting-bad" in refused and "meeting-1<" not in refused
    assert 'value="refused" selected' in refused
    wrong = page.get("/partner/events?from=x")
    assert "What is not as described" in wrong.content.decode() and ">from<" in wrong.content.decode()
    assert wrong.status_code == 422 and 'role="alert"' in wrong.content.decode()
    assert page.get("/partner/events?person__id=1").status_code == 400
    found = page.get("/partner?event=meeting-bad").content.decode()
    assert 'id="found"' in found and "out_of_range" in found
    at = clock.now().replace(microsecond=0)
    stage.send(
        city.partner,
        [
            stage.meeting(city.partner, city.person, f"many-{n:02}", at - timedelta(hours=2 * n))
            for n in range(60)
        ],
    )
    first = page.get("/partner/events?outcome=credited").content.decode()
    assert "many-59" in first and "many-00" not in first and 'rel="next"' in first
    link = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    older = page.get(link).content.decode()
    assert "many-00" in older and "many-59" not in older and "meeting-1" in older
    chinese = enter(keeper, "zh-hans").get("/partner/events").content.decode()
    assert "用户代号" in chinese and "更早" in chinese


MILLION = """
insert into events_batch (party_id, via, received_at, body_sha256, count, client_id)
select case when n % 10 = 0 then {other} else {party} end, 'http', timestamptz '2026-01-01' + n * interval '1 minute',
       '\\x00', 1000, 'x' from generate_series(1, 1000) n;
insert into events_seen (party_id, event_id, person_id, batch_id, place, digest)
select batch.party_id, batch.id || '-' || place, place, batch.id, place, '\\x00'
from events_batch batch, generate_series(0, 999) place where batch.body_sha256 = '\\x00';
insert into carbon_kept (person_id, batch_id, place, party_id, event_id, basis_id, occurred_at, day, outcome, reason, record)
select person_id, batch_id, place, party_id, event_id, (select min(id) from carbon_basis), '2026-01-01', '2026-01-01', 6,
       'x', '{{}}' from events_seen where digest = '\\x00';
insert into events_refusal (batch_id, party_id, event_id, at, behaviour, code, detail)
select id, party_id, 'r-' || id, received_at, 'cycling', 'future', 'time' from events_batch where body_sha256 = '\\x00';
analyze events_batch; analyze events_seen; analyze carbon_kept; analyze events_refusal; analyze ledger_entry;
analyze ledger_batch; analyze events_withdrawal; analyze carbon_revision;
"""


def scans(plan: dict[str, Any]) -> list[tuple[str, str, float]]:
    """(table, way, rows read over all loops) of a plan's leaves."""
    inner = [leaf for one in plan.get("Plans", []) for leaf in scans(one)]
    if "Relation Name" not in plan:
        return inner
    read = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return [*inner, (plan["Relation Name"], plan["Node Type"], read)]


@pytest.mark.slow
def test_a_page_of_a_million_events_is_read_by_key(city: stage.City, monkeypatch: Any) -> None:
    stage.send(city.partner, [stage.meeting(city.partner, city.person, "first", clock.now())])
    other = parties.create_party("other", "data_provider", "他方", "Other", stage.BEHAVIOURS, made_up=True)
    with connection.cursor() as cursor:
        # As a server of one's own plans it; the tests' server looks less far.
        cursor.execute("set local join_collapse_limit = 8")
        cursor.execute("set local from_collapse_limit = 8")
        cursor.execute(MILLION.format(party=city.partner.pk, other=other.pk))
        cursor.execute("select count(*) from carbon_kept")
        assert cursor.fetchone()[0] >= 1_000_000
    plans: list[tuple[str, float, list[tuple[str, str, float]]]] = []
    real = connection.cursor

    def explained(execute: Any, text: str, params: Any, many: bool, context: Any) -> Any:
        with real() as inner:
            inner.cursor.execute(f"explain (analyze, format json) {text}", params)
            (plan,) = inner.cursor.fetchone()[0]
        plans.append((text[:300], plan["Execution Time"], scans(plan["Plan"])))
        return execute(text, params, many, context)

    middle = datetime(2026, 1, 1, 8, tzinfo=UTC)
    subject = people.subject_for(city.person.pk, city.partner.pk)
    for asked in (
        Asked(),
        Asked(first=middle, until=middle + timedelta(minutes=2)),
        Asked(behaviour="cycling"),
        Asked(state="refused"),
        Asked(state="credited", until=middle),
        Asked(subject=subject),
    ):
        plans.clear()
        with connection.execute_wrapper(explained):
            found = sent.page(city.partner.pk, asked, limit=100)
            sent.event_of_party(city.partner.pk, "r-5")
        assert asked.subject or found.events or found.after, asked
        assert plans
        for text, spent, tables in plans:
            whole = [one for one in tables if one[0].startswith(("events_seen", "carbon_kept", "events_batch",
                     "events_refusal", "ledger_entry")) and one[2] > 10_000]  # fmt: skip
            assert not whole, (asked, text, whole)
            assert spent < 1_000, (asked, spent, text)
