"""What is personal is read at a shell by a human who has the right, and the trail names them; jobs need nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.platform.notices.test_incidents import INCIDENT
from tests.platform.people.townspeople import made_up_person
from tests.platform.review.shell import refused, run, signed_in

from abate.cli import audit as trail_command
from abate.cli import installation, ledger, log, privacy, proposals
from abate.cli import party as party_command
from abate.demo import desk
from abate.platform.config import setup
from abate.platform.doors import clock
from abate.platform.log import actions as sequencing
from abate.platform.parties import actions as parties
from abate.platform.parties import webhooks
from abate.platform.people.models import Person
from abate.platform.review import actions as reviewing
from abate.platform.review import proposing, rights
from abate.platform.review.models import Audit
from abate.platform.signin.policy import policy
from abate.platform.web import readers

pytestmark = [
    pytest.mark.platform,
    pytest.mark.django_db,
    pytest.mark.clause("P-8.4-a", "P-8.4-b", "P-8.4-c"),
]
Words = Callable[[Path, Person], list[object]]
READS: dict[str, tuple[Any, Words, str, bool]] = {
    "audit.search": (trail_command, lambda _, p: ["search", "--what", "role."], "audit_admin", False),
    "audit.export": (trail_command, lambda at, p: ["export", "-o", at / "trail"], "audit_admin", True),
    "person.account": (ledger, lambda _, p: ["show", p.pseudonym], "entry", False),
    "log.leaves": (log, lambda at, p: ["export", at / "log", "--entries"], "entry", True),
    "log.openings": (log, lambda at, p: ["export", at / "log", "--openings"], "entry", True),
    "breach.people": (privacy, lambda at, p: ["breach-drill", "people_person", "--people", at / "who"], "security_admin", True),
}  # fmt: skip
"""What the trail says of each read, the command, who may, and whether a proof minutes old is asked for."""


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Person:
    for module in (log, privacy):
        monkeypatch.setattr(module, "_start", lambda _: None)
    monkeypatch.setattr(setup, "environment", lambda _, sandbox=False: None)
    monkeypatch.setattr(setup, "migrate", lambda: None)
    monkeypatch.setenv("ABATE_STAFF_SESSION", str(tmp_path / "home" / "session"))
    desk.staffed()
    while sequencing.sequence():
        pass
    return made_up_person(1)


@pytest.mark.parametrize("what", READS)
def test_a_read_asks_who_it_is_and_is_told_under_them(what: str, person: Person, tmp_path: Path) -> None:
    module, words, role, fresh = READS[what]
    asked = words(tmp_path, person)
    refused(run(module, *asked), "not-signed-in")
    signed_in("check")
    refused(run(module, *asked), "no-right")
    (told,) = Audit.objects.filter(act="refused", detail__contains="no-right")
    assert (told.role, told.via) == ("check", "command"), "who tried is told, as at the gate"
    assert not Audit.objects.filter(what=what).exists()
    assert not [one for one in tmp_path.iterdir() if one.name != "home"], "nothing was written"
    user = signed_in(role)
    if fresh:
        with clock.frozen(clock.now() + policy().fresh + timedelta(minutes=1)):
            refused(run(module, *asked), "fresh-proof-needed")
    made = run(module, *asked)
    assert made.exit_code == 0, made.output + made.stderr
    row = Audit.objects.filter(what=what).latest("id")
    assert (row.act, row.account, row.via, row.role) == ("read", user.handle, "command", role)
    for file in ("trail", "who"):
        if (tmp_path / file).exists():
            assert (tmp_path / file).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("there", ["file", "link", "link to nothing"])
@pytest.mark.parametrize("what", ["audit.export", "breach.people"])
def test_what_is_given_out_goes_into_no_file_of_anothers(
    what: str, there: str, person: Person, tmp_path: Path
) -> None:
    module, words, role, _ = READS[what]
    *asked, file = words(tmp_path, person)
    assert isinstance(file, Path)
    theirs = tmp_path / "theirs"
    if there != "link to nothing":
        theirs.write_text("as it was")
        theirs.chmod(0o644)
    if there == "file":
        theirs.rename(file)
    else:
        file.symlink_to(theirs)
    signed_in(role)
    made = run(module, *asked, file)
    assert made.exit_code == 2 and f"{file} is there already" in made.stderr, made.output
    assert not Audit.objects.filter(what=what).exists()
    if there == "link to nothing":
        assert not theirs.exists()
    else:
        assert file.read_text() == "as it was"


def test_a_link_made_meanwhile_gets_nothing(
    person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "theirs"
    (tmp_path / "who").symlink_to(theirs)
    monkeypatch.setattr(installation.os.path, "lexists", lambda _: False)
    signed_in("security_admin")
    made = run(privacy, "breach-drill", "people_person", "--people", tmp_path / "who")
    assert made.exit_code == 1 and "cannot be written: File exists" in made.stderr, made.output
    assert sorted(one.name for one in tmp_path.iterdir()) == ["home", "who"]


def test_the_trail_s_label_holds_at_a_shell_too(
    person: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    signed_in("audit_admin")
    read = rights.rights()
    things = read.things | {"audit": {"rows": "personal"}}
    monkeypatch.setattr(rights, "rights", lambda: replace(read, things=things))
    for words in (["search"], ["export", "-o", tmp_path / "trail"]):
        refused(run(trail_command, *words), "no-right")
    assert not (tmp_path / "trail").exists()


def test_the_drill_s_notice_says_what_the_law_asks_of_it(person: Person) -> None:
    """PIPL article 57: which kinds of data, why it happened and what may follow; what was done and what people can do; whom to
    ask. What only the operator knows is a gap to fill in, and none is left out."""
    told = json.loads(run(privacy, "breach-drill", "people_person", "people_request").stdout)
    fields = [*told["fields"]["personal"], *told["fields"]["sensitive"]]
    assert {"people_person.identity_enc", "people_request.text_enc"} <= set(fields) and told["people"] == 1
    says = {
        "notice_zh": ("涉及人数:1", "可能泄露的信息种类:", "发生的原因:____", "可能的危害:", "已采取的措施:____", "您可以:",
                      "联系人:____", "《个人信息保护法》第五十七条"),
        "notice_en": ("People concerned: 1", "Kinds of data that may have leaked: ", "What caused it: ____", "What may follow: ",
                      "What we did: ____", "What you can do: ", "Contact: ____", "PIPL article 57"),
    }  # fmt: skip
    for name, phrases in says.items():
        notice = told[name]
        assert [phrase for phrase in phrases if phrase not in notice] == []
        assert [field for field in fields if field in notice] == [], "columns are no words for people"
    kinds = (
        ("姓名和证件号", "name and identity number"),
        ("联系方式", "contacts"),
        ("账户代号和状态", "the account's pseudonym and state"),
        ("账户的加密密钥", "the account's encryption keys"),
        ("请求和申诉的内容", "requests and appeals in one's own words"),
    )
    assert [zh for zh, _ in kinds if zh not in told["notice_zh"]] == []
    assert [en for _, en in kinds if en not in told["notice_en"]] == []
    assert "兑换和券码" not in told["notice_zh"] and "what credits were spent on" not in told["notice_en"]


def test_whose_account_was_looked_at_is_told(person: Person) -> None:
    signed_in("entry")
    assert json.loads(run(ledger, "show", person.pseudonym).stdout)["credits"] == 0
    (told,) = readers.opened_by_others(person)
    assert (told.what, told.roles[1], told.field[1]) == ("person.account", "entry", "balances and lots")


def test_proposals_are_shown_to_whom_the_page_shows_them(person: Person) -> None:
    desk.hire("made-up editor", "content")
    people = desk.staffed()
    given = {"person": person.pseudonym, "credits": 5, "order": "d-1"}
    number = proposing.propose(people["entry"], "ledger.adjust", given, "x").pk
    asked: tuple[tuple[object, ...], ...] = (("list",), ("show", number))
    for words in asked:
        made = run(proposals, *words)
        refused(made, "not-signed-in")
        assert person.pseudonym not in made.output
    signed_in("content")
    assert json.loads(run(proposals, "list", "--all").stdout) == []
    refused(run(proposals, "show", number), "proposal-unknown")
    signed_in("check")
    for words in asked:
        assert person.pseudonym in run(proposals, *words).stdout


def test_letting_a_verifier_in_and_telling_of_a_breach_are_somebodys(person: Person, tmp_path: Path) -> None:
    desk.create_party("verify-co", "verifier", "核查机构", "Verifier")
    asked = ["access", "verify-co", "--entries", "0-3", "--reason", "a sample"]
    refused(run(log, *asked), "not-signed-in")
    refused(run(log, "end", 1), "not-signed-in")
    signed_in("entry")
    refused(run(log, *asked), "no-right")
    refused(run(log, "end", 1), "no-right")
    words = tmp_path / "words.toml"
    words.write_text(INCIDENT, encoding="utf-8")
    told = ["breach-tell", "people_person", "--number", "2026A", "--words", words]
    refused(run(privacy, *told), "no-right")
    signed_in("audit_admin")
    assert run(log, *asked).exit_code == 0
    user = signed_in("security_admin")
    assert run(privacy, *told).exit_code == 0
    assert Audit.objects.get(what="notice.breach").account == user.handle


def test_from_where_a_key_may_be_used_is_told_to_who_may_view_keys(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On live; in the sandbox, where keys are for trying, whoever has the shell sees them."""
    monkeypatch.setattr(installation, "start", lambda _, sandbox=False: None)
    party = desk.create_party("city-app", "data_provider", "城市", "City", ["cycling"])
    desk.hire("made-up editor", "content")
    desk.hire("made-up reader", "query")
    key, _ = parties.issue_client(party, addresses=["198.51.100.0/24"])
    asked = ["key", "list", "city-app"]
    for words in (asked, [*asked, "--json"]):
        made = run(party_command, *words)
        refused(made, "not-signed-in")
        assert key not in made.output and "198.51.100.0" not in made.output + made.stderr
    signed_in("content")
    refused(run(party_command, *asked), "no-right")
    signed_in("query")
    for words, told in ((asked, "from 1 networks"), ([*asked, "--json"], '"addresses": 1')):
        said = run(party_command, *words).stdout
        assert key in said and told in said and "198.51.100.0" not in said
    signed_in("entry")
    for words in (asked, [*asked, "--json"]):
        assert "198.51.100.0/24" in run(party_command, *words).stdout
    assert "198.51.100.0/24" in run(party_command, *asked, "--sandbox").stdout


def test_where_a_partner_is_told_is_somebodys_on_live(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "start", lambda _, sandbox=False: None)
    party = desk.create_party("city-app", "data_provider", "城市", "City", ["cycling"])
    commands = (
        ["hook", "add", "city-app", "https://app.example/hook"], ["hook", "rotate", 1], ["hook", "end", 1],
        ["hook", "resend", 1],
    )  # fmt: skip
    for asked in commands:
        refused(run(party_command, *asked), "not-signed-in")
    signed_in("entry")
    for asked in commands:
        refused(run(party_command, *asked), "no-right")
    user = signed_in("system_admin")
    with clock.frozen(clock.now() + policy().fresh + timedelta(minutes=1)):
        refused(run(party_command, *commands[0]), "fresh-proof-needed")
    assert not webhooks.endpoints(party.pk)
    assert run(party_command, *commands[0]).exit_code == 0
    (made,) = webhooks.endpoints(party.pk)
    assert Audit.objects.get(what="party.webhook", subject=str(made.pk)).account == user.handle
    assert run(party_command, "hook", "rotate", made.pk, "--sandbox").exit_code == 0
    webhooks.note(party.pk, [("event.credited", "{}")], clock.now())
    (message,) = webhooks.messages(party.pk)
    assert run(party_command, "hook", "resend", message.id).exit_code == 0
    assert run(party_command, "hook", "end", made.pk).exit_code == 0


def test_a_partner_with_people_of_its_own_says_itself_where_it_is_told(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "start", lambda _, sandbox=False: None)
    party = desk.create_party("city-app", "data_provider", "城市", "City", ["cycling"])
    number, _ = webhooks.add_endpoint(party, "https://app.example/hook")
    before = bytes(webhooks.endpoints(party.pk)[0].secret)
    keeper = reviewing.create_user("staff", made_up=True)
    parties.add_member(keeper, party, "partner")
    signed_in("system_admin")
    for asked in (["add", "city-app", "https://other.example/hook"], ["rotate", number], ["end", number]):
        refused(run(party_command, "hook", *asked), "key-collected-by-party")
    (kept,) = webhooks.endpoints(party.pk)
    assert bytes(kept.secret) == before and kept.ended_at is None
    refused(run(party_command, "hook", "rotate", number + 1), "webhook-unknown")
    assert run(party_command, "hook", "add", "city-app", "https://app.example/b", "--sandbox").exit_code == 0


def test_a_refused_step_of_a_change_at_a_shell_is_one_row(person: Person) -> None:
    clerk = signed_in("entry")
    number = proposing.propose(
        clerk, "party.create", {"code": "a-shop", "title_zh": "店", "title_en": "Shop", "made_up": True}, "x"
    ).pk
    assert run(proposals, "check", number).exit_code == 1
    rows = Audit.objects.filter(act="refused").values_list("account", "via", "what", "subject")
    assert list(rows) == [(clerk.handle, "command", "change.check", str(number))]


def test_what_runs_by_itself_needs_nobody(person: Person, tmp_path: Path) -> None:
    for module, words in (
        (log, ["export", tmp_path / "public"]),
        (log, ["accesses"]),
        (trail_command, ["seal"]),
        (privacy, ["record"]),
        (privacy, ["breach-drill", "people_person"]),
    ):
        made = run(module, *words)
        assert made.exit_code == 0, made.output + made.stderr
