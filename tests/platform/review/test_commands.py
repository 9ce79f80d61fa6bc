"""The same doors on the command line: signing in, the first people, proposing, deciding, and no way round."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from django.test import Client as Browser
from tests.platform.review import shell
from tests.platform.review.shell import sign_in
from tests.platform.web import city as stage

from abate.cli import cap, ledger, party, proposals, rule, staff
from abate.demo import desk
from abate.platform.config import setup
from abate.platform.credits.models import Cap, Rule
from abate.platform.parties.models import Client, Party
from abate.platform.review import actions, opening
from abate.platform.review.models import Proposal, User

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-c")]
CREATE = ("create", "city-bikes", "--title-zh", "城市单车", "--title-en", "City Bikes", "--why", "contract 7")


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The commands start Django on a data folder of their own; here the test's database is the one."""
    monkeypatch.setattr(setup, "environment", lambda _, sandbox=False: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    monkeypatch.setenv("ABATE_STAFF_SESSION", str(tmp_path / "home" / "session"))
    return tmp_path


def run(module: Any, *arguments: object, given: str = "") -> Result:
    return CliRunner().invoke(module.command, [str(one) for one in arguments], input=given)


def said(result: Result) -> Any:
    assert result.exit_code == 0, result.output + result.stderr
    return json.loads(result.stdout)


def test_the_first_people_come_with_their_links_or_not_at_all(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system that is open opens no second time: without a link nobody could ever enter."""
    made = iter(["first"])
    with monkeypatch.context() as patch, pytest.raises(StopIteration):
        patch.setattr(actions, "issue_link", lambda _: next(made))
        opening.with_links(desk.PEOPLE)
    assert not User.objects.exists()
    assert len({one["link"] for one in opening.with_links(desk.PEOPLE)}) == len(desk.PEOPLE)


@pytest.mark.parametrize("line", ["MU000002,entry,finance", "MU000002", '"MU000002","entry,finance"'])
def test_roles_that_are_not_parted_by_spaces_are_refused_with_what_parts_them(here: Path, line: str) -> None:
    """A second role behind a comma was dropped without a word; one inside the quotes was an unknown role."""
    people = here / "people.csv"
    people.write_text(
        f"identity,roles\nMU000001,security_admin\n{line}\nMU000003,entry\nMU000004,check\nMU000005,approve\n"
    )
    refused = run(staff, "bootstrap", people)
    assert (
        refused.exit_code in (1, 2) and "空格分隔" in refused.stderr and "parted by spaces" in refused.stderr
    )
    assert not User.objects.exists()


def test_a_number_that_is_no_document_s_opens_nothing_and_its_line_is_named(here: Path) -> None:
    people = here / "people.csv"
    people.write_text(
        "identity,roles\nMU000001,security_admin\n110101199003070012,entry\nMU000004,check\nMU000005,approve\n"
    )
    refused = run(staff, "bootstrap", people)
    assert refused.exit_code == 2 and f"{people}:3: " in refused.stderr and "校验位" in refused.stderr
    assert "110101199003070012" not in refused.stderr and not User.objects.exists()


def test_the_first_people_are_made_once_and_a_partner_comes_through_three_of_them(here: Path) -> None:
    people = here / "people.csv"
    people.write_text(
        "identity,roles\nMU000001,security_admin\nMU000002,entry finance\nMU000004,check\nMU000005,approve\n"
    )
    made = said(run(staff, "bootstrap", people))
    assert [one["roles"] for one in made] == [
        ["security_admin"],
        ["entry", "finance"],
        ["check"],
        ["approve"],
    ]
    again = run(staff, "bootstrap", people)
    assert again.exit_code == 1 and "system-open" in again.stderr
    links = {one["roles"][0]: one["link"] for one in made}
    codes = {one["roles"][0]: shell.code(User.objects.get(handle=one["account"])) for one in made}
    said(run(staff, "sign-in", links["entry"], given=codes["entry"]))
    session = here / "home" / "session"
    assert stat.S_IMODE(session.stat().st_mode) == 0o600
    spent = run(staff, "sign-in", links["entry"])
    assert spent.exit_code == 1 and "sign-in-link-spent" in spent.stderr
    number = said(run(party, *CREATE))["proposal"]
    assert not Party.objects.exists()
    for role, step in (("check", "check"), ("approve", "approve")):
        said(run(staff, "sign-in", links[role], given=codes[role]))
        assert said(run(proposals, step, number))["done"] == [number]
    assert Party.objects.get().code == "city-bikes"
    told = said(run(proposals, "show", number))
    assert [one["kind"] for one in told["steps"]] == ["propose", "check", "approve"]
    assert len(told["statements"]) == 3 and said(run(proposals, "list")) == []
    said(run(staff, "sign-out"))
    assert not session.exists()


def test_nobody_decides_on_their_own_from_the_command_line() -> None:
    people = desk.staffed()
    sign_in(people["entry"])
    number = said(run(party, *CREATE))["proposal"]
    for step in ("check", "approve"):
        refused = run(proposals, step, number)
        assert refused.exit_code == 1 and "no-right" in refused.stderr
    actions.grant(people["entry"], "check")
    alias = actions.create_user("staff", made_up=True)
    actions.enrol_digest(alias, bytes(people["entry"].staff.human_id))
    actions.grant(alias, "approve")
    refused = run(proposals, "check", number, 999)
    assert (
        refused.exit_code == 1 and "three-people" in refused.stderr and "proposal-unknown" in refused.stderr
    )
    sign_in(people["check"])
    said(run(proposals, "check", number))
    sign_in(alias)
    refused = run(proposals, "approve", number)
    assert json.loads(refused.stdout)["refused"] == {str(number): "three-people"}
    assert not Party.objects.exists()


def test_without_signing_in_nothing_is_proposed() -> None:
    desk.staffed()
    for refused in (run(party, *CREATE), run(proposals, "approve", 1)):
        assert refused.exit_code == 1 and "not-signed-in" in refused.stderr
    sign_in(desk.staffed()["entry"])
    actions.deactivate(desk.staffed()["entry"])
    refused = run(party, *CREATE)
    assert refused.exit_code == 1 and "not-signed-in" in refused.stderr
    assert not Proposal.objects.exists()


def test_every_changing_command_proposes() -> None:
    people = desk.staffed()
    desk.create_party("city-app", "data_provider", "城市", "City", ["cycling"])
    before = (Rule.objects.count(), Cap.objects.count(), Client.objects.count())
    sign_in(people["entry"])
    texts = ("--title-zh", "次年", "--title-en", "next year", "--why", "x")
    reasons = ("--reason-zh", "上限", "--reason-en", "a cap", "--why", "x")
    found = [
        said(run(rule, "add", "--from", "2099-01-01", "--expiry-years", 1, *texts)),
        said(run(cap, "add", 1000, "--from", "2099-01-01", *reasons)),
        said(run(party, "key", "new", "city-app", "--why", "x")),
        said(run(party, "suspend", "city-app", "--why", "x")),
        said(run(proposals, "make", "party.behaviours", '{"code": "city-app", "add": ["walking"]}', "--why", "x")),
    ]  # fmt: skip
    nobody = run(ledger, "adjust", "nobody", 5, "--order", "d-1", "--why", "x")
    assert nobody.exit_code == 1 and "person-unknown" in nobody.stderr
    gift = run(ledger, "book", "transfer", "nobody", 5, "--to", "somebody", "--order", "d-1", "--why", "x")
    assert gift.exit_code == 1 and "person-unknown" in gift.stderr
    lacks = run(ledger, "book", "hold", "nobody", 5, "--order", "d-1", "--why", "x")
    assert lacks.exit_code == 1 and "ledger.book: until" in lacks.stderr
    assert (Rule.objects.count(), Cap.objects.count(), Client.objects.count()) == before
    numbers = [one["proposal"] for one in found]
    sign_in(people["check"])
    assert said(run(proposals, "check", *numbers))["done"] == numbers
    sign_in(people["approve"])
    told = said(run(proposals, "approve", *numbers))
    assert told["done"] == numbers and list(told["shown_once"]) == [str(numbers[2])]
    assert (Rule.objects.count(), Cap.objects.count(), Client.objects.count()) == tuple(n + 1 for n in before)
    assert Party.objects.get(code="city-app").status == "suspended"


def test_roles_are_the_security_administrators_to_propose() -> None:
    people = desk.staffed()
    sign_in(people["entry"])
    refused = run(
        staff, "grant", people["query" if "query" in people else "entry"].handle, "finance", "--why", "x"
    )
    assert refused.exit_code == 1 and "no-right" in refused.stderr
    sign_in(people["security_admin"])
    mistyped = run(staff, "enrol", "--identity", "110101199003070012", "--why", "joins")
    assert mistyped.exit_code == 2 and "check sign" in mistyped.stderr and "校验位" in mistyped.stderr
    made = said(run(staff, "enrol", "--identity", "MU000006", "--why", "joins"))
    listed = said(run(staff, "list"))
    assert len(listed) == len(desk.PEOPLE), "an account is there only once it is approved"
    assert made["after"]["open"] is True


def test_kinds_tells_arguments_and_who() -> None:
    found = {one["action"]: one for one in said(run(proposals, "kinds"))}
    assert found["ledger.adjust"]["propose"] == ["entry", "finance"]
    assert found["party.create"]["arguments"]["code"] == "str, required"
    assert run(proposals, "make", "party.create", "[]", "--why", "x").exit_code == 2


def test_the_interface_proposes_and_decides_by_the_same_door() -> None:
    people = desk.staffed()
    given = {
        "code": "some-shop",
        "kind": "merchant",
        "title_zh": "某店",
        "title_en": "A shop",
        "made_up": True,
    }
    asked = {"action": "party.create", "arguments": given, "why": "contract 7"}

    def post(role: str, path: str, body: dict[str, Any]) -> Any:
        browser = Browser()
        browser.force_login(people[role], backend="django.contrib.auth.backends.ModelBackend")
        stage.prove(browser)
        return browser.post(f"/v1/proposals/{path}", body, content_type="application/json")

    assert post("check", "new", asked).status_code == 403
    assert post("entry", "new", asked | {"why": " "}).json()["code"] == "reason-missing"
    number = post("entry", "new", asked).json()["number"]
    for role, step in (("check", "check"), ("approve", "approve")):
        assert post(role, "decide", {"step": step, "numbers": [number]}).json()["done"] == [number]
    assert Party.objects.get().code == "some-shop"
    guarded = Browser(enforce_csrf_checks=True)
    guarded.force_login(people["entry"], backend="django.contrib.auth.backends.ModelBackend")
    assert guarded.get("/v1/proposals").json()["code"] == "second-factor-missing"
    stage.prove(guarded)
    refused = guarded.post("/v1/proposals/new", asked, content_type="application/json")
    assert refused.status_code == 403 and refused.json()["code"] == "csrf-token"
    (row,) = guarded.get("/v1/proposals?all=true").json()
    assert row["state"] == "approved" and Browser().get("/v1/proposals").status_code == 401
