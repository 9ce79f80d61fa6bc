"""Reconciliation from outside: a party's token, the operator's page, the commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.idp.oidc.adapter import get_adapter
from allauth.idp.oidc.models import Token
from click.testing import CliRunner
from django.db import connection
from django.test import Client
from tests.platform.pipeline.world import NOW, World
from tests.platform.reconciliation.test_files import DAY, lines, party, rows, world
from tests.platform.review import shell
from tests.platform.web.conftest import enter

from abate.cli import reconcile, reconcile_parties
from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.parties import actions as parties
from abate.platform.parties.models import Party
from abate.platform.reconciliation import queries
from abate.platform.review import actions as review
from abate.platform.review import audit
from abate.platform.web import reconciliation as addresses

pytestmark = [pytest.mark.platform]
__all__ = ["enter", "world"]


def token(party: Party, scopes: list[str] | None = None) -> dict[str, str]:
    client_id, _ = parties.issue_client(party, scopes)
    live = Token(type=Token.Type.ACCESS_TOKEN, client_id=client_id, hash=get_adapter().hash_token(client_id))
    live.expires_at = clock.now() + timedelta(hours=1)
    live.set_scopes(scopes or ["events"])
    live.save()
    return {"authorization": f"Bearer {client_id}"}


@pytest.mark.clause("P-8.5-e", "P-4.4")
def test_a_party_sends_its_file_and_reads_its_breaks(world: World, client: Client, monkeypatch: Any) -> None:
    headers = token(party(world))
    address = f"/v1/reconciliation?day={DAY}"
    body = lines(rows(world, e_0=None, e_1={"er_mg": 1}))

    def post(
        to: str = address, data: bytes = body, kind: str = "application/x-ndjson", **more: dict[str, str]
    ) -> Any:
        return Client(enforce_csrf_checks=True).post(
            to, data, content_type=kind, headers=more.get("headers", headers)
        )

    told = post().json()
    assert {name: told[name] for name in ("rows", "matched", "missing_there", "different", "open")} == {
        "rows": 10, "matched": 9, "missing_there": 1, "different": 1, "open": 2,
    }  # fmt: skip
    listed = client.get("/v1/reconciliation/breaks", headers=headers).json()
    assert [one["item"] for one in listed["breaks"]] == [one["item"] for one in told["breaks"]]
    assert {one["item"] for one in listed["breaks"]} == {"e-0", "e-1"} and listed["next_after"] is None
    assert {"age_days", "owner", "state", "kind", "ours", "theirs"} <= listed["breaks"][0].keys()
    first = listed["breaks"][0]["id"]
    assert (
        len(
            client.get(f"/v1/reconciliation/breaks?after={first}&day={DAY}", headers=headers).json()["breaks"]
        )
        == 1
    )
    other = parties.create_party("other", "data_provider", "他方", "Other", [], made_up=True)
    assert client.get("/v1/reconciliation/breaks", headers=token(other)).json()["breaks"] == []

    before = len(queries.files())
    for answer, status, code in (
        (post(headers={}), 401, "token-refused"),
        (post(headers=token(party(world), ["log"])), 403, "scope-missing"),
        (post("/v1/reconciliation"), 422, "reconciliation-day-needed"),
        (post("/v1/reconciliation?day=2026-13-01"), 422, "reconciliation-day-needed"),
        (post(f"/v1/reconciliation?day={clock.today()}"), 422, "reconciliation-day"),
        (post(kind="application/json"), 415, "reconciliation-form"),
        (post(data=body + body), 422, "reconciliation-duplicate"),
        (post(data=b"event\nx\n", kind="text/csv; charset=gb18030"), 200, None),
    ):
        assert (answer.status_code, answer.json().get("code")) == (status, code)
    assert len(queries.files()) == before + 1
    monkeypatch.setattr(addresses, "LARGEST", 100)
    assert post().json()["code"] == "reconciliation-too-large"
    wrong = client.get("/v1/reconciliation", headers=headers)
    assert (wrong.status_code, wrong["Allow"]) == (405, "POST")


@pytest.mark.clause("P-4.4")
def test_a_connection_that_had_other_temporary_rows_reconciles_too(world: World, client: Client) -> None:
    headers = token(party(world))
    # Anew: what a connection may use for such rows is settled by the first of them, here those of the probe.
    connection.close()
    assert client.get("/readyz").status_code == 200
    answer = client.post(
        f"/v1/reconciliation?day={DAY}", lines(rows(world)), "application/x-ndjson", headers=headers
    )
    assert answer.status_code == 200, answer.content


def test_the_operator_sees_ages_assigns_and_decides(world: World, enter: Callable[..., Client]) -> None:
    operator = review.create_user("staff", made_up=True)
    review.enrol(operator, "made-up operator")
    review.grant(operator, "finance")
    addresses.actions.compare(party(world), DAY, lines(rows(world, e_0=None, lost={})), "jsonl", via="file")
    with clock.frozen(NOW + timedelta(days=5)):
        for language, words in (
            ("zh-hans", ("已 5 天", "对方没有")),
            ("en", ("5 days old", "Missing there")),
        ):
            page = enter(operator, language).get("/operator/breaks").content.decode()
            assert all(word in page for word in words) and "e-0" in page and "lost" in page
            assert "/operator/breaks" in enter(operator, language).get("/operator").content.decode()
        missing, lost = sorted(queries.breaks(), key=lambda row: row.label)
        browser = enter(operator)
        assert browser.post(f"/operator/breaks/{lost.id}", {"owner": "city-ops"}).status_code == 302
        done = browser.post(
            f"/operator/breaks/{missing.id}", {"resolution": "reversed", "note": "<b>entry 7</b>"}
        )
        assert done.status_code == 302
        assert queries.one(lost.id).owner == "city-ops" and queries.one(missing.id).by == operator.handle
        assert (
            browser.post(
                f"/operator/breaks/{missing.id}", {"resolution": "reversed", "note": "x"}
            ).status_code
            == 409
        )
        assert (
            browser.post(f"/operator/breaks/{lost.id}", {"resolution": "no", "note": "x"}).status_code == 422
        )
        assert browser.post("/operator/breaks/999", {"owner": "x"}).status_code == 404
        page = browser.get(f"/operator/breaks?all=1&party={world.sender.code}").content.decode()
        assert "&lt;b&gt;entry 7&lt;/b&gt;" in page and "<b>entry" not in page
        assert "city-ops" in browser.get(f"/operator/breaks?after={missing.id - 1}").content.decode()
    assert enter(world.people[0].user).get("/operator/breaks").status_code == 403
    assert enter(world.people[0].user).post(f"/operator/breaks/{lost.id}", {"owner": "x"}).status_code == 403


def test_the_commands(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The commands start Django on a data folder of their own; here the test's database is the one.
    setup = "abate.platform.config.setup."
    for name in ("environment", "migrate", "become_application"):
        monkeypatch.setattr(setup + name, lambda *_, **__: None)

    def run(*arguments: object) -> Any:
        return CliRunner().invoke(reconcile.command, [str(one) for one in arguments])

    code, file = world.sender.code, tmp_path / "held.jsonl"
    file.write_bytes(lines(rows(world)))
    done = run("partner", file, "--party", code, "--day", DAY)
    assert done.exit_code == 0 and "matched 11" in done.output, done.output
    file.write_bytes(lines(rows(world, e_0=None)))
    done = run("partner", file, "--party", code, "--day", DAY, "--json")
    assert done.exit_code == 1 and json.loads(done.output)["missing_there"] == 1
    (listed,) = json.loads(run("breaks", "--party", code, "--json").output)
    assert (listed["item"], listed["party"], listed["owner"]) == ("e-0", code, "operator")
    assert "missing_there e-0" in run("breaks", "--day", DAY).output
    monkeypatch.setenv("ABATE_STAFF_SESSION", str(tmp_path / "session"))
    treasurer = desk.hire("made-up treasurer", "finance")
    decisions = (
        ("assign", listed["id"], "--owner", "city-ops"),
        ("resolve", listed["id"], "--as", "accepted", "--note", "x"),
    )
    assert all("not-signed-in" in run(*asked).output for asked in decisions)
    with audit.acting(lambda: audit.NOBODY):
        shell.sign_in(desk.staffed()["check"])
    assert all("no-right" in run(*asked).output for asked in decisions)
    assert queries.one(listed["id"]).owner == "operator"
    with audit.acting(lambda: audit.NOBODY):
        shell.sign_in(treasurer)
    assert run("assign", listed["id"], "--owner", "city-ops").exit_code == 0
    assert run("resolve", listed["id"], "--as", "accepted", "--note", "a test ride").exit_code == 0
    assert queries.one(listed["id"]).by == treasurer.handle
    assert "0 shown" in run("breaks").output and "accepted" not in run("breaks").output
    assert "resolved" in run("breaks", "--all").output
    again = run("resolve", listed["id"], "--as", "accepted", "--note", "x")
    assert again.exit_code == 1 and "reconciliation-break-closed" in again.output
    file.write_bytes(lines(rows(world)) * 2)
    refused = run("partner", file, "--party", code, "--day", DAY)
    assert (
        refused.exit_code == 1 and "reconciliation-duplicate" in refused.output and "重复" in refused.output
    )
    wrong = run("partner", tmp_path, "--party", code, "--day", DAY)
    assert wrong.exit_code == 2
    assert {one.name for one in reconcile_parties.COMMANDS} == {"partner", "breaks", "assign", "resolve"}
    assert run().exit_code == 0, "without a command it proves the books, as before"
