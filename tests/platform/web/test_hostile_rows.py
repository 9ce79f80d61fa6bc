"""Pages of one thing each (an anomaly, an application, a proposal, a file ...), opened for rows that hold hostile text.

The texts are written past every check, for what a check would refuse today may lie in a row since yesterday.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from html import escape
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.template import engines
from django.urls import reverse
from psycopg import sql
from tests.platform.anomalies.test_deciding import AT, shown
from tests.platform.anomalies.watched import cases as found_cases
from tests.platform.anomalies.watched import people, way, write
from tests.platform.joining import applicants
from tests.platform.notices.test_incidents import INCIDENT
from tests.platform.pipeline.world import NOW, World
from tests.platform.review import callers
from tests.platform.review import test_matrix as matrix
from tests.platform.web.test_hostile_text import SCRIPT, Forms, Tried, browser_of, faults

from abate.demo import desk
from abate.platform import judging, releasing
from abate.platform.anomalies import actions as anomalies
from abate.platform.doors import clock
from abate.platform.events.models import FileRow
from abate.platform.joining import noticing
from abate.platform.joining.models import ContactRequest, Finding, Revision
from abate.platform.notices import actions as notices
from abate.platform.notices import incidents
from abate.platform.parties import actions as parties
from abate.platform.parties import tills
from abate.platform.parties.models import Party, Till
from abate.platform.quarantine import queries as quarantine
from abate.platform.review import actions as review
from abate.platform.review import queries as reviewing
from abate.platform.review.models import Grant, User

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-c")]
HOSTILE = SCRIPT + "{{ settings }}{% debug %}%(secret)s\u202e"
SPOILED = {
    "anomalies_step": "reason",
    "events_file": "name",
    "events_filerow": "event_id",
    "incentives_offer": "title_zh title_en detail_zh detail_en",
    "joining_application": "title_zh title_en registration note",
    "joining_contact_request": "note",
    "joining_document": "name",
    "joining_finding": "note",
    "joining_notice": "subject text",
    "joining_notice_step": "text",
    "joining_revision": "note",
    "joining_run": "run",
    "notices_incident": "happened_zh happened_en data_zh follows_en done_zh advice_en contact",
    "parties_party": "title_zh title_en",
    "parties_till": "name",
    "quarantine_proposal": "reason",
    "quarantine_rule": "reason_zh reason_en told_zh told_en",
    "review_proposal": "reason before after",
    "review_step": "reason",
    "sharing_decision": "reason",
    "sharing_request": "purpose ground contact",
}
"""Columns that somebody writes or names and a page of one thing shows."""
SHOW = {
    "anomalies",
    "anomaly",
    "application",
    "applications",
    "authorisations",
    "authorise",
    "disclosure",
    "joining",
    "joining-contact",
    "keys",
    "offer",
    "offers",
    "operator",
    "partner",
    "partner-check",
    "partner-file",
    "partner-files",
    "privacy",
    "proposal",
    "proposals",
    "quarantine",
    "quarantine-proposal",
    "sharing",
    "sharing-one",
    "standing",
    "tills",
    "why",
}
"""Pages on which at least one of the texts is seen, as text, by somebody."""


_SPOILT = sql.SQL("{0} = case {0}::text when '' then {0} else %s end")
"""What has to be empty there stays so."""


def spoil() -> None:
    with connection.cursor() as cursor:
        cursor.execute("set local session_replication_role = replica")
        for table, columns in SPOILED.items():
            cursor.execute(
                "select column_name, character_maximum_length from information_schema.columns where table_name = %s",
                [table],
            )
            longest = dict(cursor.fetchall())
            # A name keeps the end by which it is a table's or a paper's.
            texts = {one: f"{HOSTILE}.csv" if one == "name" else HOSTILE for one in columns.split()}
            # What a change sets is the platform's own JSON, with values and names that somebody wrote.
            texts |= {
                one: json.dumps({"x": HOSTILE, HOSTILE: one}) for one in texts if one in ("before", "after")
            }
            each = sql.SQL(", ").join(_SPOILT.format(sql.Identifier(one)) for one in texts)
            query = sql.SQL("update {} set {}").format(sql.Identifier(table), each)
            cursor.execute(query.as_string(), [text[: longest[one]] for one, text in texts.items()])
            assert cursor.rowcount, f"no row of {table}: nothing hostile to show"
        cursor.execute("set local session_replication_role = origin")


@pytest.fixture
def world(db: None, settings: Any, tmp_path: Path) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK, settings.ABATE_SAME_ACT = "demo", "none"
    settings.ABATE_ANOMALIES = write(tmp_path)
    with clock.frozen(NOW):
        yield people()


def judged(world: World) -> int:
    """A case that somebody proposed to confirm."""
    world.send(way(world, "above", AT, 60, 26))
    anomalies.sweep()
    (one,) = found_cases()
    judging.decide(desk.hire("made-up proposer", "entry"), shown(one.id), "proposed", "made up")
    return one.id


def kept_back(world: World) -> int:
    """A proposal about a record in quarantine."""
    desk.decide("quarantine.rule", rule="new-partner", party=world.sender.code, cause="probation", reason_zh="试用期",
                reason_en="made up", valid_from="2026-05-01", valid_until="2026-06-30")  # fmt: skip
    world.send(world.ride("held"))
    records = [one.id for one in quarantine.records(quarantine.EVERY)]
    return releasing.propose(desk.hire("made-up clerk", "entry"), records, "release", "made up")


def given(world: World, party: Party) -> tuple[dict[str, dict[str, Any]], dict[str, User | None]]:
    """Arguments of every page of one thing, all of which are there; and one of each who may come."""
    applied = applicants.submitted(code="made-up-walks", registration=applicants.registration(7))
    paper = applied.documents.latest("pk")
    clerk = desk.staffed()["entry"]
    Finding.objects.create(
        document_id=paper.pk, application=applied, user=clerk, at=clock.now(), in_order=False, note="x"
    )
    Revision.objects.create(application=applied, kind=Revision.RETURNED, note="x", user=clerk, at=clock.now())
    ContactRequest.objects.create(application=applied, user=applied.user, contact=b"", reach=b"", state="refused", note="x",
                                  asked_at=clock.now(), ended_at=clock.now())  # fmt: skip
    things = callers.things_of(party)
    FileRow.objects.create(
        file_id=things["file"]["file_id"], line=1, event_id="x", outcome=1, reason="malformed:event"
    )
    noticing.answer(int(str(things["partner-notice"]["notice_id"])), party.pk, "x", "key")
    (figures, *_) = callers.asked_by(callers.of_kind("authority", "some-bureau")).values()
    desk.decide("sharing.answer", request=str(figures["request_id"]), granted=True)
    cafe = callers.of_kind("merchant", "some-cafe")
    offer = desk.create_offer(
        party_id=cafe.pk, title=("券", "Voucher"), detail=("详", "Detail"), price_credits=3, stock=9, valid_days=3,
        from_at=clock.now(), to_at=clock.now() + matrix.timedelta(days=9), made_up=True,
    )  # fmt: skip
    notices.tell_of_breach([world.people[0].user_id], incidents.read("2026A", INCIDENT))
    Till.objects.create(party=cafe, name="x", digest=b"x" * 32, invited_at=NOW, until=NOW + tills.VALID)
    keeper, cashier = (review.create_user("staff", made_up=True) for _ in range(2))
    parties.add_member(keeper, party, "partner")
    parties.add_member(cashier, cafe, "acceptor")
    case, ruling = judged(world), kept_back(world)
    arguments = {
        **matrix.COMMON,
        **things,
        **callers.told_of(party, world.people[0]),
        "anomaly": {"number": case},
        "quarantine-proposal": {"number": ruling},
        "application": {"application_id": applied.pk},
        "application-paper": {"application_id": applied.pk, "document_id": paper.pk},
        "sharing-one": figures,
        "proposal": {"number": reviewing.proposals(ended=True)[0].number},
        "offer": {"offer_id": offer},
        "proposals": {"?": "all=1"},
        "authorise": {"party_code": party.code},
        "why": {"?": f"party={party.pk}&event=held"},
    }
    users = {
        matrix.PERSON: world.people[0].user,
        matrix.ACCEPTOR: cashier,
        matrix.PARTNER: keeper,
        matrix.APPLICANT: applied.user,
        **{role: matrix.staff(role) for role in Grant.Role.values},
    }
    return arguments, users


MUST_OPEN = ("anomaly", "application", "authorise", "disclosure", "offer", "partner-check", "partner-file", "proposal",
             "quarantine-proposal", "sharing-one", "why")  # fmt: skip


NOT_THEIRS = ("proposal", "content")
"""Content sees changes of content alone, and this one is none."""


def text_of(answer: HttpResponse) -> str:
    kind = answer.get("Content-Type", "")
    return "" if getattr(answer, "streaming", False) or "html" not in kind else answer.content.decode()


def looked_at(world: World, only: Collection[str] = ()) -> tuple[list[str], dict[str, set[str]]]:
    """What was wrong, and on which pages (of all, or of `only` these) who saw a hostile text as text."""
    arguments, users = given(world, Party.objects.get(pk=world.sender.party_id))
    spoil()
    wrong, seen = list[str](), defaultdict[str, set[str]](set)
    browsers = {who: browser_of(user) for who, user in users.items()}
    for name in sorted(only or matrix.known() - matrix.OUR_OWN - matrix.CLOSED):
        values = {key: value for key, value in arguments.get(name, {}).items() if key != "?"}
        if name in ("entry", "entry-receipt", "code", "v1:explanation", "v1:receipt"):
            continue  # of numbers alone: nobody's words stand there
        for who, browser in browsers.items():
            if matrix.expected(name, "GET", who, "live") and name in gated():
                query = f"?{arguments[name]['?']}" if "?" in arguments.get(name, {}) else ""
                answer = browser.get(reverse(name, kwargs=values) + query)
                wrong += faults(f"{name} for {who}", answer)
                if name in MUST_OPEN and answer.status_code != 200 and (name, who) != NOT_THEIRS:
                    wrong.append(f"{name} for {who}: {answer.status_code}, and was to be opened")
                if escape(SCRIPT) in text_of(answer):
                    seen[name].add(who)
    return wrong, seen


def gated() -> set[str]:
    """Addresses that belong to somebody: what is everybody's shows no row of anybody's."""
    return {
        name
        for (name, method), line in matrix.gate.lines().items()
        if method == "GET" and line.who != "anyone"
    }


def test_no_row_s_text_is_taken_for_markup_on_a_page_that_opens_it(world: World) -> None:
    wrong, seen = looked_at(world)
    assert wrong == [], "\n".join(wrong)
    assert set(seen) >= SHOW, SHOW - set(seen)


def test_their_forms_take_hostile_text_for_nothing_but_text(world: World) -> None:
    """Those that a page without its row does not have: everything hostile, then one field after the other."""
    arguments, users = given(world, Party.objects.get(pk=world.sender.party_id))
    tried, reached = Tried(), set()
    for name in (*MUST_OPEN, "partner"):
        values = {key: value for key, value in arguments.get(name, {}).items() if key != "?"}
        query = f"?{arguments[name]['?']}" if "?" in arguments.get(name, {}) else ""
        path = reverse(name, kwargs=values) + query
        for who, user in users.items():
            if not matrix.expected(name, "GET", who, "live"):
                continue
            browser = browser_of(user)
            for form in Forms(text_of(browser.get(path))).found:
                if form.method != "post" or any(f"/{end}" in form.action for end in ("sign-out", "sessions")):
                    continue
                reached.add(name)
                for some in (form.free, *({one} for one in form.free)):
                    sent = form.fields | dict.fromkeys(some, HOSTILE)
                    tried.call(browser, "post", form.action or path, sent, f"{name} -> {form.action}")
    assert tried.wrong == [], sorted(set(tried.wrong))
    assert reached >= {"anomaly", "application", "authorise", "partner", "quarantine-proposal"}, reached


def test_pages_that_let_it_through_are_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: templates that escape nothing."""
    monkeypatch.setattr(engines["django"].engine, "autoescape", False)
    planted = SHOW.intersection(MUST_OPEN)
    wrong, _ = looked_at(world, planted)
    through = {one.partition(" ")[0] for one in wrong if one.endswith("a script of theirs")}
    assert through >= planted, planted - through
