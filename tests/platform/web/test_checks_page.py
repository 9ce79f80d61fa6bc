"""The conformance run of the partner's page: the real kit against the real intake, kept, signed, and taken by live."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from tests.platform.web import city as stage

from abate.bookkeeping import checkpoint
from abate.client.conformance import LINES
from abate.platform.carbon import basis
from abate.platform.credits.models import Rule
from abate.platform.doors import clock, keyring
from abate.platform.joining import actions as joining
from abate.platform.joining import checks, trying
from abate.platform.joining.errors import ReportRefused
from abate.platform.joining.models import Report, Run
from abate.platform.parties import actions, limits, queries
from abate.platform.parties.models import Party
from abate.platform.review import actions as review
from abate.platform.web.pages.checks import _run as run_checks

pytestmark = [pytest.mark.platform]
Enter = Callable[..., Client]


@pytest.fixture
def city(transactional_db: None, settings: Any) -> Iterator[stage.City]:
    settings.ABATE_SANDBOX, settings.ABATE_ORIGIN = True, "http://testserver"
    # A test that commits empties every table afterwards, also of what the migrations put in.
    values = {"credits_per_kg": 1000, "title_zh": "每克 1 分", "title_en": "one per gram"}
    Rule.objects.get_or_create(from_day=date(2000, 1, 1), defaults=values)
    yield stage.build()
    # The intake's threads keep their connections, with which the test database could not be dropped.
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )


@pytest.fixture
def page(city: stage.City, enter: Enter) -> Client:
    keeper = review.create_user("staff", made_up=True)
    actions.add_member(keeper, city.partner, "partner")
    return enter(keeper, "en")


@pytest.mark.clause("P-6.1-d", "P-6.2")
def test_a_run_is_made_kept_signed_and_taken_by_live(city: stage.City, page: Client, settings: Any) -> None:
    made = page.post("/partner/checks")
    run = Run.objects.get()
    assert made.status_code == 302 and made["Location"] == f"/partner/checks/{run.pk}"
    lines = {line["name"]: line for line in run.lines}
    assert [line for line in run.lines if not line["passed"]] == []
    sends = queries.behaviours(city.partner.pk)
    own = {f"own-{name}{more}" for name in sends for more in ("", "-again")}
    assert "cycling" in sends and set(lines) == LINES | {"signed", "replayed", "changed"} | own
    assert lines["good"]["sent"].startswith('[{"specversion"') and "credited" in lines["good"]["answered"]
    assert (run.failed, run.via, run.refusal) == (0, "page", "")
    text = page.get(made["Location"]).content.decode()
    assert "passed and signed" in page.get("/partner/checks").content.decode()
    assert text.count('class="chip good"') == len(lines)
    # The key of the run ended with it: nothing is left to send with.
    assert {key.state for key in queries.keys(city.partner.pk)} == {"revoked"}
    # Nor where the run is cut off before it ends its key.
    assert all(key.expires_at < clock.now() + timedelta(hours=1) for key in queries.keys(city.partner.pk))
    report = page.get(f"/partner/checks/{run.pk}/report.json").content
    ring = keyring.keyring()
    settings.ABATE_SANDBOX = False
    settings.ABATE_SANDBOX_KEY = str(checkpoint.key_of(ring.log_origin, ring.log_signing))
    joining.take_report(city.partner, report)
    assert Report.objects.get().run == run.run
    # On live there is nothing to start.
    assert page.post("/partner/checks").status_code == 409 and Run.objects.count() == 1


@pytest.mark.clause("P-6.1-d", "P-7.3.3.3-a")
def test_a_run_sends_each_behaviour_that_the_partner_said_it_sends(city: stage.City) -> None:
    """Of every behaviour there is, on the page where somebody asks for the sandbox, as its own checks then try it."""
    every = sorted(basis.catalogue().methods)
    browser = Client()
    told = browser.post("/try", {"code": "sends-all", "behaviours": [*every, "flying"]}).content.decode()
    assert all(f"--behaviour {name}" in told for name in every) and "flying" not in told
    party = queries.party("sends-all")
    assert list(queries.behaviours(party.pk)) == every
    run = run_checks(party)
    assert [(line["name"], line["found"]) for line in run.lines if not line["passed"]] == []
    names = {line["name"] for line in run.lines}
    assert {f"own-{name}{more}" for name in every for more in ("", "-again")} < names
    assert run.signature and f"own-{every[-1]}" in json.loads(run.statement)["passed"]


@pytest.mark.clause("P-6.1-d")
def test_what_a_partner_sends_too_is_named_where_it_is_tried(city: stage.City, page: Client) -> None:
    assert "metro" not in queries.behaviours(city.partner.pk)
    page.post("/partner/checks", {"behaviours": ["metro", "flying"]})
    run = Run.objects.get()
    assert run.signature and "own-metro" in json.loads(run.statement)["passed"]
    assert {"cycling", "metro"} < set(queries.behaviours(city.partner.pk))
    assert 'value="metro"' not in page.get("/partner/checks").content.decode()


@pytest.mark.clause("P-6.1-d")
def test_a_behaviour_whose_events_the_sandbox_did_not_see_is_not_signed(city: stage.City) -> None:
    party = queries.party(trying.let_in("sends-trips", ["cycling"], new=True).party)
    run = run_checks(party)
    assert run.signature
    lines = [line | {"what": line["what"]} for line in run.lines] + [{"name": "own-metro", "passed": True}]
    with pytest.raises(ReportRefused) as refused:
        checks.attest(party.pk, party.code, {"run": run.run, "lines": lines})
    assert refused.value.detail == "the sandbox saw no metro of this run"


def test_a_party_that_is_set_up_wrongly_is_told_what_to_do_and_gets_no_report(
    city: stage.City, page: Client
) -> None:
    actions.set_limits(city.partner, requests_per_minute=None, events_per_day=1)
    address = page.post("/partner/checks")["Location"]
    run = Run.objects.get()
    assert run.failed == 1 and run.statement == "" and run.lines[-1]["name"] == "repeated-unfinished"
    text = page.get(address).content.decode()
    assert "limit-reached" in text and "Mend it and run the checks again." in text
    assert 'id="report"' not in text and page.get(f"{address}/report.json").status_code == 404


def test_who_is_let_into_the_sandbox_is_let_in_wholly(
    city: stage.City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A code that was taken by half would be let in no second time."""
    browser, form = Client(raise_request_exception=False), {"code": "made-up-rides"}
    with monkeypatch.context() as patch:
        patch.setattr(review, "issue_link", away)
        assert browser.post("/try", form).status_code == 503
    assert not Party.objects.filter(code="made-up-rides").exists()
    assert browser.post("/try", form).status_code == 200


def away(*_: object) -> None:
    raise OperationalError("planted: the database is away")


@pytest.mark.clause("P-8.4-c")
def test_another_party_s_runs_are_not_there_and_runs_are_limited(
    city: stage.City, page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = actions.create_party("other", "data_provider", "他方", "Other", made_up=True)
    run = checks.keep(other.pk, other.code, "0123abcd", [])
    assert run.refusal.startswith("missing: ") and not run.signature
    for path in (
        f"/partner/checks/{run.pk}",
        f"/partner/checks/{run.pk}/report.json",
        f"/partner/checks/{2**70}",
    ):
        assert page.get(path).status_code == 404
    assert "0123abcd" not in page.get("/partner/checks").content.decode()
    monkeypatch.setattr(checks, "MOST", 1)
    limits.take([limits.Limit("checks", f"checks:{city.partner.pk}", 1, limits.DAY)])
    assert page.post("/partner/checks").status_code == 429 and Run.objects.count() == 1
