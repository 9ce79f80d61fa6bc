"""The reading interface, its description, and what machines that watch are told."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
import schemathesis
from django.db import OperationalError
from django.test import Client
from tests.platform.web import city as stage
from tests.platform.web.one_city import built as built
from tests.platform.web.one_city import city as city

from abate.bookkeeping import checkpoint
from abate.bookkeeping.recompute import Recomputing
from abate.bookkeeping.verify import verify_receipt
from abate.platform.events.outcomes import Outcome
from abate.platform.incentives import actions as incentives
from abate.platform.log import actions as log
from abate.platform.log import queries as log_queries
from abate.platform.parties import webhooks
from abate.platform.review import actions as review
from abate.platform.review.models import Step
from abate.platform.web import health, overview, problems

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


@pytest.mark.clause("P-7.5.1")
def test_account_and_entries_are_exact_and_at_once(city: stage.City, enter) -> None:
    browser = enter(city.person.user)
    amounts = ("carbon_mg", "credits", "eligible_mg", "earned", "free", "held", "owed")
    assert browser.get("/v1/me/account").json() == dict.fromkeys(amounts, 0) | {"lots": [], "uncollected": []}
    results = stage.book_every_outcome(city.partner, city.person)
    account = browser.get("/v1/me/account").json()
    assert account["carbon_mg"] == sum(r.er_mg or 0 for r in results if r.outcome.text == "credited")
    assert account["credits"] == sum(r.credits for r in results)
    listed = browser.get("/v1/me/entries?limit=2").json()
    rest = browser.get(f"/v1/me/entries?limit=100&before={listed['next_before']}").json()
    assert rest["next_before"] is None
    entries = listed["entries"] + rest["entries"]
    assert [e["id"] for e in entries] == sorted({r.entry for r in results if r.entry}, reverse=True)
    assert entries[0]["carbon_after"] == account["carbon_mg"]
    assert {e["kind"] for e in entries} == {"award"}


@pytest.mark.clause("P-7.5.3-3")
def test_receipts_are_pending_then_verify_offline(city: stage.City, enter) -> None:
    browser = enter(city.person.user)
    stage.book_every_outcome(city.partner, city.person)
    code = incentives.redeem(city.person, city.offer, uuid4())
    award = browser.get("/v1/me/entries").json()["entries"][1]["id"]
    for entry in (award, code.entry_id):
        assert browser.get(f"/v1/me/entries/{entry}/receipt").status_code == 202
        assert browser.get(f"/entries/{entry}/receipt.json").status_code == 404
    log.sequence()
    key = checkpoint.read_key(log_queries.public_key())
    for entry in (award, code.entry_id):
        answer = browser.get(f"/v1/me/entries/{entry}/receipt")
        verdict = verify_receipt(answer.content, key, Recomputing())
        assert answer.status_code == 200 and verdict.ok, verdict
        assert browser.get(f"/entries/{entry}/receipt.json").json() == answer.json()


@pytest.mark.clause("P-7.2-a")
def test_an_explanation_recomputes_to_the_booked_figure(city: stage.City, enter) -> None:
    browser = enter(city.person.user)
    stage.book_every_outcome(city.partner, city.person)
    code = incentives.redeem(city.person, city.offer, uuid4())
    for entry in browser.get("/v1/me/entries").json()["entries"][1:]:
        told = browser.get(f"/v1/me/entries/{entry['id']}/explanation").json()
        assert told["rounding"][0]["mg"] == entry["carbon_mg"]
    assert browser.get(f"/v1/me/entries/{code.entry_id}/explanation").status_code == 404


def test_refusals_are_problems(city: stage.City, enter) -> None:
    answers = {
        401: Client().get("/v1/me/account"),
        404: enter(city.person.user).get("/v1/me/entries/1/receipt"),
        422: enter(city.person.user).get("/v1/me/entries?limit=1000"),
    }
    answers[401] = enter(city.cashier).get("/v1/me/account")
    for status, answer in answers.items():
        document = answer.json()
        assert answer.status_code == document["status"] == status
        assert answer["Content-Type"] == "application/problem+json"
        assert (
            document["type"].endswith(f"/problems/{document['code']}")
            and document["title"]
            and document["remedy"]
        )
    assert Client().get("/v1/nothing").json()["code"] == "no-such-address"
    # Refused before any view: a program is answered as a program there too.
    nul = Client().get("/v1/events?from=%00")
    assert (nul.status_code, nul["Content-Type"], nul.json()["code"]) == (
        400,
        "application/problem+json",
        "not-text",
    )


@pytest.mark.parametrize("offset", ["-20:27", "+16:00", "+23:59"])
def test_a_past_moment_may_have_any_offset_that_is_one(city: stage.City, enter, offset: str) -> None:
    def at(moment: str) -> tuple[int, str]:
        answer = enter(city.person.user).get("/v1/me/account/at", {"moment": f"{moment}{offset}"})
        return answer.status_code, answer.json().get("code", "")

    assert at("0106-07-29T23:24:02.3") == (200, "")
    edge = at("0001-01-01T00:00:00"), at("9999-12-31T23:59:59")
    assert set(edge) == {(200, ""), (422, "request-invalid")}


def test_the_description_is_valid_and_complete() -> None:
    made = Client().get("/v1/openapi.json").json()
    schemathesis.openapi.from_dict(made).validate()
    broken = {**made, "paths": {"/x": {"get": 7}}}
    with pytest.raises(Exception, match="7"):
        schemathesis.openapi.from_dict(broken).validate()
    assert made["openapi"].startswith("3.1")
    assert {"/v1/events", "/identity/o/api/token", "/v1/me/account"} <= made["paths"].keys()
    sending = made["paths"]["/v1/events"]["post"]
    assert {name["name"] for name in sending["parameters"]} == {"Idempotency-Key", "Accept-Language"}
    assert set(made["webhooks"]) == set(webhooks.KINDS)
    for status, answer in sending["responses"].items():
        (media,) = answer["content"].values()
        assert set(media["examples"]) == {"zh", "en"}, status
        if status != "200":
            name = media["examples"]["zh"]["$ref"].rpartition("/")[2]
            told = made["components"]["examples"][name]["value"]
            assert str(told["status"]) == status and told["code"] in problems.lines()
    public = {"/livez", "/readyz", "/metrics", "/log/checkpoint", "/log/key", "/log/tile/{address}"}
    assert public <= made["paths"].keys()
    for path in public:
        answer = Client().get(path.format(address="0/000"))
        described = made["paths"][path]["get"]["responses"][str(answer.status_code)]["content"]
        assert answer["Content-Type"].partition(";")[0] in described, path
    for path in ("/v1/me/account", "/v1/me/entries"):
        assert Client().get(path).status_code == 401
    outcomes = made["components"]["schemas"]["Result"]["properties"]["outcome"]["enum"]
    assert set(outcomes) == {one.text for one in Outcome}


def test_every_address_says_that_it_may_be_asked_too_much_and_how_long_to_wait(
    city: stage.City, enter, settings
) -> None:
    made = Client().get("/v1/openapi.json").json()["paths"]
    silent = [
        f"{method} {path}"
        for path, methods in made.items()
        for method, one in methods.items()
        if "Retry-After" not in one["responses"].get("429", {}).get("headers", {})
    ]
    assert silent == []
    settings.ABATE_ACCOUNT_PER_MINUTE = 1
    of_people = ["/v1/me/account", "/v1/me/entries", "/livez", "/log/key"]
    clerk = review.create_user("staff", made_up=True)
    for user, addresses in ((city.person.user, of_people), (clerk, ["/v1/proposals", "/readyz"])):
        browser = enter(user)
        browser.get("/v1/openapi.json")
        for path in addresses:
            answer = browser.get(path)
            assert (answer.status_code, answer.json()["code"]) == (429, "account-limit-reached"), path
            assert int(answer["Retry-After"]) > 0


@pytest.mark.clause("P-6.1-a")
def test_watchers_learn_counts_and_nobodys_data(city: stage.City, monkeypatch) -> None:
    stage.book_every_outcome(city.partner, city.person)
    monkeypatch.setattr(overview, "_last", None)
    text = Client().get("/metrics").content.decode()
    figures = dict(re.findall(r'^abate_events\{outcome="(\w+)"\} (\d+)$', text, re.M))
    assert figures["credited"] == "5" and figures["refused"] == "1" and figures["needs_figure"] == "1"
    # Five awards, each step of a change, and the opening of the system.
    assert f"abate_log_pending {5 + Step.objects.count() + 1}" in text and "abate_up 1" in text
    assert Client().get("/livez").status_code == 200
    assert Client().get("/readyz").json() == {
        "ready": True,
        "checks": {"database": "ok", "migrations": "ok", "writing": "ok"},
    }


@pytest.mark.clause("P-6.1-a")
def test_watchers_learn_that_the_database_is_away(monkeypatch) -> None:
    def away(*args: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(health.schema, "look", away)
    monkeypatch.setattr(overview, "figures", away)
    assert Client().get("/readyz").status_code == 503
    assert "abate_up 0" in Client().get("/metrics").content.decode()
    assert Client().get("/livez").status_code == 200
