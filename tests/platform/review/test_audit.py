"""The audit trail: row and work together or not at all, append-only, sealed into the log, searched, given out safely."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.db import ProgrammingError, connection, transaction
from django.test import Client
from tests.platform.people.townspeople import made_up_person
from tests.platform.review import shell
from tests.platform.web import city as stage

from abate.bookkeeping.kinds import Kind
from abate.bookkeeping.leaf import decode
from abate.cli import audit as command
from abate.demo import desk
from abate.platform.config import fields, grants, setup
from abate.platform.doors import clock
from abate.platform.log import actions as log
from abate.platform.log.models import Leaf, Pending
from abate.platform.parties import actions as parties
from abate.platform.parties import webhooks
from abate.platform.parties.models import Party
from abate.platform.people import actions as people
from abate.platform.people import queries as person_queries
from abate.platform.people import requests
from abate.platform.review import actions, audit, proposing, sealing, trail
from abate.platform.review.models import Audit, AuditSeal, User
from abate.platform.review.trail import Search
from abate.platform.signin import actions as signin
from abate.platform.signin import factors
from abate.platform.signin.errors import FactorRefused, SignInRefused
from abate.platform.web.pages import audit as pages

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-c")]


def rows(**asked: Any) -> list[tuple[str, str, str]]:
    return list(Audit.objects.filter(**asked).order_by("id").values_list("act", "what", "subject"))


@pytest.fixture
def as_application() -> Iterator[Callable[[str], None]]:
    """The database under the application's own role, with what a test takes from it."""
    grants.apply_grants(connection)

    def become(fault: str = "") -> None:
        with connection.cursor() as cursor:
            if fault:
                cursor.execute(fault)
            cursor.execute(f"set local role {grants.ROLE}")

    yield become


def test_writes_and_sensitive_reads_are_told_with_who_and_how() -> None:
    begun = clock.now()
    city = desk.create_party("some-shop", "merchant", "某店", "A shop")
    with audit.acting(lambda: audit.Actor("somebody", "page", "entry")):
        parties.suspend(city)
        person = made_up_person(1)
        person_queries.own_identity(person)
        person_queries.own_contacts(person)
    own = Audit.objects.filter(account="somebody", role="entry", via="page").order_by("id")
    assert list(own.values_list("act", "what", "subject")) == [
        ("write", "party.suspend", "some-shop"),
        ("write", "user.create", person.user.handle),
        ("write", "consent.give", person.pseudonym),
        ("write", "person.register", person.pseudonym),
        ("read", "person.identity", person.pseudonym),
        ("read", "person.contacts", person.pseudonym),
    ]
    assert all(begun <= row.at <= clock.now() for row in own)
    text = json.dumps(list(Audit.objects.values_list("subject", "detail")), ensure_ascii=False)
    identity, contacts = person_queries.own_copy(person)
    for secret in (identity["name"], identity["number"], *(one["value"] for one in contacts)):
        assert len(secret) > 1 and secret not in text


def test_every_step_of_a_change_and_its_refusal_at_the_gate_are_told() -> None:
    staff = desk.staffed()
    desk.create_party("some-shop", "merchant", "某店", "A shop")
    steps = [row[1] for row in rows(what__startswith="change.")]
    assert steps == ["change.propose", "change.check", "change.approve"]
    browser = Client()
    browser.force_login(staff["entry"], backend="django.contrib.auth.backends.ModelBackend")
    assert browser.get("/operator/audit").status_code == 403
    (told,) = Audit.objects.filter(act="refused")
    assert (told.account, told.via, told.what, told.subject) == (
        staff["entry"].handle,
        "page",
        "view audit",
        "audit",
    )


@pytest.mark.parametrize(
    ("writes", "work"),
    [
        (True, lambda shop, person, staff: parties.suspend(shop)),
        (False, lambda shop, person, staff: person_queries.own_identity(person)),
        (True, lambda shop, person, staff: people.destroy(person)),
        (True, lambda shop, person, staff: actions.issue_link(staff["entry"])),
        (True, lambda shop, person, staff: proposing.propose(staff["entry"], "party.suspend", {"code": "some-shop"}, "x")),
        (False, lambda shop, person, staff: trail.search(Search())),
        (False, lambda shop, person, staff: requests.waiting()),
        (True, lambda shop, person, staff: requests.ask(person, "complaint", "x")),
        (True, lambda shop, person, staff: webhooks.add_endpoint(shop, "https://shop.example/hook")),
        (True, lambda shop, person, staff: signin.set_password(staff["entry"], "a long and quiet morning 7")),
        (True, lambda shop, person, staff: signin.forget(staff["entry"])),
    ],
    ids=["write", "sensitive read", "erasure", "link", "proposal", "search", "a person's words", "request", "webhook",
         "password", "ways of signing in"],
)  # fmt: skip
def test_what_cannot_be_told_is_not_done(
    work: Callable[..., object], writes: bool, as_application: Any
) -> None:
    """A real fault: the application's role may not add rows to the trail."""
    shop, person, staff = (
        desk.create_party("some-shop", "merchant", "某店", "A shop"),
        made_up_person(1),
        desk.staffed(),
    )
    requests.ask(person, "complaint", "too slow")
    before = fingerprint()
    with transaction.atomic():
        as_application("revoke insert on review_audit from abate_app")
        # A write takes itself back; what only reads gets a transaction to lose, since this one must go on.
        own = nullcontext() if writes else transaction.atomic()
        with pytest.raises(ProgrammingError, match="review_audit"), own:
            work(shop, person, staff)
        with connection.cursor() as cursor:
            cursor.execute("reset role")
        assert fingerprint() == before
        transaction.set_rollback(True)


def fingerprint() -> list[object]:
    tables = (
        "parties_party",
        "people_person",
        "review_proposal",
        "review_signin_link",
        "review_audit",
        "log_pending",
        "people_request",
        "parties_endpoint",
        "review_user",
        "signin_password",
    )
    found: list[object] = []
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(
                f"select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {table} t"
            )
            found.append(cursor.fetchone()[0])
    return found


@pytest.mark.parametrize(
    "cheat",
    [
        "update review_audit set account = 'other'",
        "delete from review_audit",
        "truncate review_audit",
        "update review_audit_seal set digest = '\\x00'",
        "delete from review_audit_seal",
        "update review_step set role = 'entry'",
        "delete from review_proposal",
        "delete from review_opening",
    ],
)
def test_the_application_can_change_nothing_of_it(cheat: str, as_application: Any) -> None:
    desk.create_party("some-shop", "merchant", "某店", "A shop")
    sealing.seal()
    with transaction.atomic():
        as_application()
        refused = pytest.raises(ProgrammingError, match="permission denied")
        with refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(cheat)
        transaction.set_rollback(True)


def test_a_seal_is_told_in_the_log_and_holds_every_row_once() -> None:
    desk.staffed()
    count = Audit.objects.count()
    assert sealing.seal() == count > 0 and sealing.seal() == 0
    made_up_person(1)
    assert sealing.seal() == Audit.objects.count() - count
    leaves = [
        decode(bytes(row.leaf)) for row in Pending.objects.filter(person_id=log.TRAIL).order_by("entry_id")
    ]
    seals = list(AuditSeal.objects.order_by("id"))
    assert [leaf.cause for leaf in leaves] == [bytes(one.digest) for one in seals]
    assert {leaf.kind for leaf in leaves} == {Kind.AUDITED} and len(leaves) == 2
    assert sealing.differences() == []
    log.sequence()
    assert Leaf.objects.filter(person_id=log.TRAIL).count() == 2 and sealing.differences() == []


@pytest.mark.parametrize(
    "fault",
    [
        "update review_audit set account = 'nobody' where id = (select min(id) from review_audit)",
        "delete from review_audit where id = (select max(id) from review_audit)",
        "update review_audit set seal = null where id = (select min(id) from review_audit)",
        "update review_audit set seal = 7",
        "update review_audit_seal set nonce = '\\x00'",
        "delete from review_audit_seal",
        "insert into review_audit (at, account, role, via, act, what, subject, detail, seal)"
        " values (now(), '', '', 'system', 'write', 'x', '', '{}', 1)",
        "delete from log_leaf where person_id = -1",
    ],
)
def test_a_planted_fault_is_found(fault: str) -> None:
    desk.staffed()
    sealing.seal()
    log.sequence()
    assert sealing.differences() == []
    with connection.cursor() as cursor:
        cursor.execute(fault)
    assert sealing.differences() != []


def test_rows_past_their_time_go_whole_seals_at_a_time() -> None:
    desk.staffed()
    sealing.seal()
    log.sequence()
    old = Audit.objects.count()
    assert fields.retain()["review_audit"] == 0 and Audit.objects.count() == old
    column, days = fields.tables()["review_audit"].clear or ("", 0)
    assert column == "at" and days >= 183, "the law asks for six months of such logs at least"
    with clock.frozen(clock.now() + timedelta(days=days + 1)):
        assert fields.retain()["review_audit"] == old
    assert sealing.differences() == [] and AuditSeal.objects.get().pruned_at is not None
    assert rows() == [("write", "audit.prune", "")]


def test_search_finds_and_is_told() -> None:
    desk.create_party("some-shop", "merchant", "某店", "A shop")
    found = trail.search(Search(what="party.", act="write"))
    assert [(row.what, row.subject) for row in found] == [
        ("party.create", "some-shop"),
        ("party.behaviours", "some-shop"),
    ]
    assert trail.search(Search(subject="some-"), limit=1)[0].id == found[0].id
    clerk = desk.staffed()["entry"].handle
    with audit.acting(lambda: audit.Actor(clerk, "page")):
        audit.note("x.y", "of a clerk")
    by_clerk = [row.id for row in trail.search(Search(account=clerk, act="write"))]
    assert (
        len(by_clerk) == 1
        and [row.id for row in trail.search(Search(account=clerk[:8], act="write"))] == by_clerk
    )
    assert trail.search(Search(until=clock.now() - timedelta(days=1))) == []
    told = Audit.objects.filter(what="audit.search").first()
    assert told is not None and json.loads(told.detail)["asked"]["what"] == "party."


def test_an_export_is_safe_in_a_spreadsheet() -> None:
    for text in ("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "＝1+1", "－1", "plain"):
        audit.note("x.y", text)
    lines = "".join(trail.lines(Search(what="x.y"), "csv"))
    found = [row["subject"] for row in csv.DictReader(io.StringIO(lines.removeprefix("\ufeff")))]
    assert found[0] == "plain" and all(text.startswith("'") for text in found[1:])
    told = [json.loads(line) for line in trail.lines(Search(what="x.y"), "jsonl")]
    assert [one["subject"] for one in told][-1] == "=cmd|' /C calc'!A0" and told[0]["detail"] == {}


def entered(user: User) -> Client:
    browser = Client(headers={"accept-language": "en"})
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(browser)
    return browser


def test_the_auditor_searches_and_takes_out_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    staff = desk.staffed()
    desk.create_party("some-shop", "merchant", "某店", "A shop")
    audit.note("x.y", "=1+1")
    auditor = entered(staff["audit_admin"])
    page = auditor.get("/operator/audit?what=party.").content.decode()
    assert "party.create" in page and "change.propose" not in page
    assert "Nothing matches" in auditor.get("/operator/audit?what=nothing.such").content.decode()
    assert auditor.get("/operator/audit?since=tomorrow&before=-1&act=odd").status_code == 200
    assert auditor.get("/operator/audit?since=0001-01-01&until=9999-12-31").status_code == 200
    lines = auditor.get("/operator/audit.csv?what=x.").content.decode()
    assert "'=1+1" in lines and "party.create" not in lines
    (told,) = auditor.get("/operator/audit.jsonl?what=x.").content.decode().splitlines()
    assert json.loads(told)["subject"] == "=1+1"
    own = Audit.objects.filter(account=staff["audit_admin"].handle, act="read").order_by("id")
    assert [(row.what, row.role) for row in own][-2:] == [("audit.export", "audit_admin")] * 2
    monkeypatch.setattr(pages, "MOST", 1)
    assert auditor.get("/operator/audit.jsonl?what=x.").status_code == 200
    cut = auditor.get("/operator/audit.csv?what=party.")
    assert cut.status_code == 422 and "party.create" not in cut.content.decode()
    for other in ("security_admin", "entry"):
        for address in ("", ".csv", ".jsonl"):
            assert entered(staff[other]).get(f"/operator/audit{address}").status_code == 403


def test_a_link_and_a_passkey_that_let_nobody_in_are_told_too(settings: Any) -> None:
    settings.ABATE_ADDRESS_PER_MINUTE = 3
    browser = Client()
    assert browser.post("/sign-in/link/never-given").status_code == 403
    assert browser.post("/sign-in/passkey", {"credential": "{}"}).status_code == 403
    assert rows(act="refused") == [
        ("refused", "door.sign-in-link", ""),
        ("refused", "door.sign-in-passkey", ""),
    ]
    # Nobody fills the trail with them: they are counted by the address that they come from.
    told = [browser.post("/sign-in/passkey", {"credential": "{}"}).status_code for _ in range(3)]
    assert told[-1] == 429 and len(rows(act="refused")) < 5


def test_tries_to_sign_in_are_told_without_what_was_typed() -> None:
    clerk = desk.staffed()["entry"]
    signin.set_password(clerk, "a long and quiet morning 7")
    for handle, text in ((clerk.handle, "wrong"), ("my password in the wrong field", "x")):
        with pytest.raises(SignInRefused):
            signin.check_password(handle, text, None)
    signin.check_password(clerk.handle, "a long and quiet morning 7", None)
    with pytest.raises(FactorRefused):
        factors.use_code(clerk, "000000", None)
    assert [(row[0], row[1]) for row in rows(what__startswith="signin.")] == [
        ("write", "signin.password"),
        ("refused", "signin.password-try"),
        ("refused", "signin.password-try"),
        ("write", "signin.password-try"),
        ("refused", "signin.code-try"),
    ]
    assert "wrong field" not in json.dumps(list(Audit.objects.values_list("subject", "detail")))


def test_the_command_seals_checks_and_gives_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(setup, "environment", lambda *_, **__: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    monkeypatch.setenv("ABATE_STAFF_SESSION", str(tmp_path / "session"))
    shell.sign_in(desk.staffed()["audit_admin"])
    run = CliRunner()
    assert json.loads(run.invoke(command.command, ["seal"]).stdout)["sealed"] > 0
    assert run.invoke(command.command, ["check"]).exit_code == 0
    out = tmp_path / "audit.csv"
    done = run.invoke(command.command, ["export", "--format", "csv", "-o", str(out), "--what", "role."])
    assert json.loads(done.stdout)["rows"] == len(desk.PEOPLE) and out.stat().st_mode & 0o777 == 0o600
    assert (
        json.loads(run.invoke(command.command, ["search", "--what", "system.open"]).stdout)[0]["act"]
        == "write"
    )
    with connection.cursor() as cursor:
        cursor.execute("update review_audit set subject = 'x' where seal is not null")
    refused = run.invoke(command.command, ["check"])
    assert refused.exit_code == 1 and "seal 1" in refused.stdout


def test_users_are_known_by_handle_alone() -> None:
    desk.staffed()
    accounts = set(Audit.objects.exclude(account="").values_list("account", flat=True))
    assert accounts <= set(User.objects.values_list("handle", flat=True)) and Party.objects.count() == 0


@pytest.mark.parametrize("turn", ["first", "second"])
def test_who_is_signed_in_at_a_shell_acts_in_no_later_test(turn: str) -> None:
    """Here one process is that of many commands: what nobody did is told as nobody's, whatever ran before."""
    audit.note("made.up")
    assert Audit.objects.values_list("account", "via").get(what="made.up") == ("", "system")
    audit.as_command(desk.staffed()["entry"])
