"""Three humans for every change, whatever account, order or moment; the tables say so too."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from abate.bookkeeping import checkpoint, decisions
from abate.bookkeeping.leaf import commitment, decode
from abate.bookkeeping.verify_log import verify_log
from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.doors.keyring import keyring
from abate.platform.log import actions as log
from abate.platform.log import export
from abate.platform.log import queries as log_queries
from abate.platform.log.models import Pending
from abate.platform.parties.models import Party
from abate.platform.review import actions, changes, errors, opening, proposing, queries
from abate.platform.review.models import Grant, Opening, Proposal, Staff, Step, User
from abate.platform.review.opening import First
from abate.platform.web import argument_names

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-c")]
SHOP = {"code": "some-shop", "kind": "merchant", "title_zh": "某店", "title_en": "A shop", "made_up": True}


@pytest.fixture
def people() -> dict[str, User]:
    return desk.staffed()


def proposed(people: dict[str, User], **changed: Any) -> int:
    return proposing.propose(people["entry"], "party.create", SHOP | changed, "a new shop").pk


def second_account(of: User, *roles: str) -> User:
    """Another account of the same human, with other roles."""
    user = actions.create_user("staff", made_up=True)
    actions.enrol_digest(user, bytes(of.staff.human_id))
    for role in roles:
        actions.grant(user, role)
    return user


def refusal(do: Callable[[], object]) -> str:
    try:
        with transaction.atomic():
            do()
    except Problem as problem:
        return problem.code
    return ""


def test_a_change_happens_with_the_approval_and_not_before(people: dict[str, User]) -> None:
    number = proposed(people)
    told = queries.proposal(number)
    assert (told.state, told.before) == ("proposed", {"party": None})
    assert told.after["party"]["status"] == "active"
    proposing.check(people["check"], number)
    assert not Party.objects.filter(code="some-shop").exists()
    proposing.approve(people["approve"], number)
    assert Party.objects.get(code="some-shop").kind == "merchant"
    told = queries.proposal(number)
    assert told.state == "approved" and [step.kind for step in told.steps] == ["propose", "check", "approve"]
    assert queries.proposals() == [] and queries.proposals(ended=True)[0] == told


def test_nobody_takes_two_steps_also_not_through_a_second_account(people: dict[str, User]) -> None:
    number = proposed(people)
    actions.grant(people["entry"], "check")
    alias = second_account(people["entry"], "check", "approve")
    for user in (people["entry"], alias):
        assert refusal(lambda user=user: proposing.check(user, number)) == "three-people"  # type: ignore[misc]
    proposing.check(people["check"], number)
    checker_again = second_account(people["check"], "approve")
    assert refusal(lambda: proposing.approve(alias, number)) == "three-people"
    assert refusal(lambda: proposing.approve(checker_again, number)) == "three-people"
    told, shown = proposing.decide_all(alias, Step.APPROVE, [number, number])
    assert [(one.proposal, one.code) for one in told] == [(number, "three-people")] and shown == {}
    assert not Party.objects.exists()


def test_a_role_is_needed_for_each_step_and_the_order_is_kept(people: dict[str, User]) -> None:
    assert refusal(lambda: proposing.propose(people["check"], "party.create", SHOP, "x")) == "no-right"
    number = proposed(people)
    for role in set(people) - {"check"}:
        assert refusal(lambda role=role: proposing.check(people[role], number)) in (
            "no-right",
            "three-people",
        )  # type: ignore[misc]
    assert refusal(lambda: proposing.approve(people["approve"], number)) == "proposal-not-checked"
    proposing.check(people["check"], number)
    assert refusal(lambda: proposing.check(desk.hire("made-up other", "check"), number)) == "proposal-ended"
    proposing.approve(people["approve"], number)
    other = desk.hire("made-up another", "approve")
    assert refusal(lambda: proposing.approve(other, number)) == "proposal-ended"
    assert Party.objects.count() == 1
    stranger = actions.create_user("staff")
    assert refusal(lambda: proposing.check(stranger, number)) == "staff-not-enrolled"
    assert refusal(lambda: proposing.check(people["check"], 10**30)) == "proposal-unknown"


def test_a_proposal_ends_by_rejection_by_withdrawal_and_by_its_time(people: dict[str, User]) -> None:
    refused, withdrawn, late = (proposed(people, code=f"shop-{n}") for n in range(3))
    assert refusal(lambda: proposing.reject(people["check"], refused, " ")) == "reason-missing"
    proposing.reject(people["check"], refused, "no contract")
    proposing.reject(people["entry"], withdrawn, "a slip")
    assert refusal(lambda: proposing.reject(people["security_admin"], late, "x")) == "no-right"
    for number in (refused, withdrawn):
        assert refusal(lambda number=number: proposing.check(people["check"], number)) == "proposal-ended"  # type: ignore[misc]
    with clock.frozen(clock.now() + proposing.VALID):
        assert refusal(lambda: proposing.check(people["check"], late)) == "proposal-expired"
        assert queries.proposal(late).state == "expired" and queries.proposals() == []
    assert [queries.proposal(n).state for n in (refused, withdrawn)] == ["rejected", "rejected"]


def test_a_state_that_moved_is_refused_by_name(people: dict[str, User]) -> None:
    desk.create_party(**SHOP)
    end = {"code": "some-shop"}
    first, second = (proposing.propose(people["entry"], "party.suspend", end, "late") for _ in range(2))
    for one in (first, second):
        proposing.check(people["check"], one.pk)
    proposing.approve(people["approve"], first.pk)
    assert refusal(lambda: proposing.approve(people["approve"], second.pk)) == "state-moved"
    assert queries.proposal(second.pk).state == "checked"
    assert (
        refusal(lambda: proposing.propose(people["entry"], "party.suspend", end, "again"))
        == "nothing-changes"
    )


def test_what_was_done_must_be_what_was_promised(
    people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    real = changes.action("party.create")

    def other(given: dict[str, Any]) -> dict[str, Any]:
        return real.execute(given | {"title_zh": "另一店"})

    monkeypatch.setitem(changes._ACTIONS, "party.create", replace(real, execute=other))
    number = proposed(people)
    proposing.check(people["check"], number)
    assert refusal(lambda: proposing.approve(people["approve"], number)) == "outcome-differs"
    assert not Party.objects.exists() and queries.proposal(number).state == "checked"


def test_a_change_that_is_refused_leaves_its_proposal_open(people: dict[str, User]) -> None:
    user = desk.hire("made-up hand", "query")
    asked = {"account": user.handle, "role": "audit_admin"}
    one = proposing.propose(people["security_admin"], "role.grant", asked, "a new post")
    proposing.check(people["check"], one.pk)
    assert refusal(lambda: proposing.approve(people["approve"], one.pk)) == "roles-exclude"
    assert queries.proposal(one.pk).state == "checked" and Step.objects.filter(proposal=one).count() == 2


@pytest.mark.parametrize(
    "changed",
    [{"made_up": 1}, {"behaviours": "walking"}, {"behaviours": [1]}, {"extra": 1}, {"code": "A"}, {"title_en": None}],
    ids=str,
)  # fmt: skip
def test_arguments_that_mean_nothing_are_refused(people: dict[str, User], changed: dict[str, Any]) -> None:
    with pytest.raises(Problem) as refused:
        proposing.propose(people["entry"], "party.create", SHOP | changed, "x")
    assert refused.value.code in ("change-malformed", "party-malformed")


def test_nobody_decides_about_themselves(people: dict[str, User]) -> None:
    asked = {"account": people["check"].handle, "role": "approve"}
    one = proposing.propose(people["security_admin"], "role.grant", asked, "more work")
    assert refusal(lambda: proposing.check(people["check"], one.pk)) == "concerns-oneself"
    alias = second_account(people["check"], "check")
    assert refusal(lambda: proposing.check(alias, one.pk)) == "concerns-oneself"


@pytest.mark.parametrize("change", ["role.withdraw", "staff.close"])
def test_the_last_of_a_role_stays(people: dict[str, User], change: str) -> None:
    asked = {"account": people["security_admin"].handle}
    asked |= {"role": "security_admin"} if change == "role.withdraw" else {}
    with pytest.raises(errors.LastOfRole):
        desk.decide(change, **asked)
    desk.hire("made-up security administrator 2", "security_admin")
    desk.decide(change, **asked)
    assert desk.staffed()["security_admin"] != people["security_admin"]


@pytest.mark.parametrize(
    "cheat",
    [
        "insert into review_step values (default, 'approve', 3, 2, {checker}, 'approve', '', '', now(), {p}, {u})",
        "insert into review_step values (default, 'approve', 3, 2, {proposer}, 'approve', '', '', now(), {p}, {pu})",
        "insert into review_step values (default, 'approve', 2, 1, {proposer}, 'approve', '', '', now(), {p}, {pu})",
        "insert into review_step values (default, 'check', 2, 1, {checker}, 'check', '', '', now(), {q}, {u});"
        "insert into review_step values (default, 'check', 2, 1, {proposer}, 'check', '', '', now(), {q}, {pu})",
        "insert into review_step values (default, 'approve', 3, 2, {other}, 'approve', '', '', now(), {q}, {ou})",
        "insert into review_step values (default, 'check', 2, 1, {other}, 'check', '', '', now(), {q}, {u})",
    ],
    ids=["the checker", "the proposer", "a check by another name", "own entry", "without a check", "another's digest"],
)  # fmt: skip
def test_the_tables_refuse_what_the_program_would_not_do(people: dict[str, User], cheat: str) -> None:
    p, q = proposed(people), proposed(people, code="q-shop")
    proposing.check(people["check"], p)
    with connection.cursor() as cursor:
        cursor.execute("select string_agg(column_name, ',' order by ordinal_position) from information_schema.columns"
                       " where table_name = 'review_step'")  # fmt: skip
        assert (
            cursor.fetchone()[0] == "id,kind,number,after,human,role,reason,signature,at,proposal_id,user_id"
        )
    names = {"checker": "check", "proposer": "entry", "other": "approve"}
    humans = {k: f"'\\x{bytes(people[v].staff.human_id).hex()}'::bytea" for k, v in names.items()}
    users = {"u": people["check"].pk, "pu": people["entry"].pk, "ou": people["approve"].pk}
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(cheat.format(p=p, q=q, **humans, **users))
        cursor.execute("set constraints all immediate")


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_approvals_at_once_one_executes() -> None:
    people = desk.staffed()
    approvers = [desk.hire(f"made-up approver {n}", "approve") for n in range(4)]
    number = proposed(people)
    proposing.check(people["check"], number)

    def attempt(n: int) -> str:
        try:
            return refusal(lambda: proposing.approve(approvers[n % 4], number))
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        found = sorted(pool.map(attempt, range(16)))
    assert found.count("") == 1 and set(found) <= {"", "proposal-ended"}
    assert Party.objects.count() == 1 and Step.objects.filter(proposal=number, kind="approve").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_an_approval_and_a_rejection_at_once_one_holds() -> None:
    people = desk.staffed()
    for n in range(6):
        number = proposed(people, code=f"shop-{n}")
        proposing.check(people["check"], number)

        def attempt(which: int, number: int = number) -> str:
            try:
                if which:
                    return refusal(lambda: proposing.approve(people["approve"], number))
                return refusal(lambda: proposing.reject(people["check"], number, "no"))
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(attempt, range(2))) == ["", "proposal-ended"]
        done = Party.objects.filter(code=f"shop-{n}").exists()
        assert done == (queries.proposal(number).state == "approved")


def test_every_step_is_signed_and_told_in_the_log_without_a_person(people: dict[str, User]) -> None:
    number = proposed(people)
    proposing.check(people["check"], number)
    proposing.reject(people["approve"], number, "no")
    leaves = {
        row.entry_id: decode(bytes(row.leaf)) for row in Pending.objects.filter(person_id=0, entry_id__gt=0)
    }
    ring, seen = keyring(), decisions.Decisions()
    public = checkpoint.key_of(ring.log_origin, ring.log_signing).public
    proposal = Proposal.objects.get(pk=number)
    for step in Step.objects.filter(proposal=number):
        leaf = leaves[step.pk]
        seen.add(step.pk, leaf)
        said = queries.statement(proposal, step.kind, step.user.handle, step.role, step.at)
        opened = said.opened(bytes(step.signature))
        assert decisions.signed(opened, public)
        assert not decisions.signed(opened.replace('"reject"', '"approve"').replace('"propose"', '"check"').replace(
            '"step":"check"', '"step":"approve"'), public)  # fmt: skip
        assert leaf.commitment == commitment(queries.salt(number, step.kind), opened)
        assert leaf.cause == bytes(proposal.digest) and (leaf.carbon_mg, leaf.credits) == (0, 0)
    assert [(one.step, one.role, one.action) for one in seen.seen] == [
        ("propose", "entry", "party.create"),
        ("check", "check", "party.create"),
        ("reject", "approve", "party.create"),
    ]
    assert seen.fault() is None
    bare = b"".join(bytes(row.leaf) for row in Pending.objects.filter(person_id=0))
    for user in people.values():
        assert user.handle.encode() not in bare and bytes(user.staff.human_id) not in bare


def test_the_names_of_changes_are_those_the_verifier_can_say() -> None:
    assert set(decisions.ACTIONS) == set(changes.actions())
    assert {name for one in changes.actions().values() for name in one.fields} == set(argument_names.NAMES)
    assert set(decisions.ROLES) == set(Grant.Role.values) and decisions.STEPS == Step.KINDS


@pytest.mark.parametrize(
    "steps, wrong",
    [
        (["propose entry", "approve approve"], "without being checked"),
        (["propose entry", "check check", "approve approve", "approve approve"], "twice"),
        (["check check"], "never proposed"),
        (["propose entry", "check check", "approve approve", "reject check"], "ended twice"),
        (["propose cook"], "no step"),
    ],
)
def test_the_verifier_names_a_change_that_cannot_be(steps: list[str], wrong: str) -> None:
    seen = decisions.Decisions()
    for index, step in enumerate(steps):
        kind, role = step.split()
        said = decisions.Statement(1, bytes(32), "cap.add", kind, role, "x", clock.now())
        seen.add(index, said.leaf(bytes(32)))
    assert wrong in (seen.fault() or "")


# --- the first people


def test_the_empty_system_is_opened_once() -> None:
    accounts = opening.open_system(desk.PEOPLE, made_up=True)
    assert queries.opened_at() is not None and len(accounts) == len(desk.PEOPLE)
    with pytest.raises(errors.SystemOpen):
        opening.open_system(desk.PEOPLE)
    # Also where every role was taken back by hand: the row says that it was open.
    Grant.objects.all().delete()
    with pytest.raises(errors.SystemOpen):
        opening.open_system(desk.PEOPLE)
    told = json.loads(Opening.objects.get().document)
    assert [roles for _, roles in told["people"]] == [sorted(one.roles) for one in desk.PEOPLE]
    (leaf,) = [decode(bytes(row.leaf)) for row in Pending.objects.filter(person_id=0, entry_id=0)]
    seen = decisions.Decisions()
    seen.add(0, leaf)
    assert seen.seen[0].step == "open" and seen.fault() is None
    seen.add(1, leaf)
    assert "opened twice" in (seen.fault() or "")


@pytest.mark.parametrize(
    "people",
    [
        [First("a", ("entry", "check", "approve")), First("s", ("security_admin",))],
        [First("a", ("entry",)), First("a", ("check",)), First("b", ("approve",)), First("s", ("security_admin",))],
        [First("a", ("entry",)), First("b", ("check",)), First("c", ("approve",))],
    ],
    ids=["one for all", "two accounts of one", "nobody for roles"],
)  # fmt: skip
def test_too_few_first_people_are_refused(people: list[First]) -> None:
    with pytest.raises(errors.TooFewPeople):
        opening.open_system(people)
    assert not User.objects.exists() and not Opening.objects.exists() and not Staff.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_open_at_once_one_does() -> None:
    def attempt(n: int) -> str:
        try:
            people = [First(f"{n} {one.identity}", one.roles) for one in desk.PEOPLE]
            return refusal(lambda: opening.open_system(people, made_up=True))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(attempt, range(8)))
    assert sorted(found) == [""] + ["system-open"] * 7
    assert User.objects.count() == len(desk.PEOPLE)


def test_expiry_is_two_weeks(people: dict[str, User]) -> None:
    one = Proposal.objects.get(pk=proposed(people))
    assert one.expires_at - one.at == timedelta(days=14)


def test_a_verifier_of_the_export_sees_who_what_and_when(people: dict[str, User], tmp_path: Path) -> None:
    desk.create_party(**SHOP)
    log.sequence()
    export.write_files(tmp_path, entries=True)
    key = checkpoint.read_key(log_queries.public_key())

    def fetch(path: str) -> bytes | None:
        file = tmp_path / path
        return file.read_bytes() if file.is_file() else None

    verdict = verify_log(fetch, key)
    assert verdict.ok, verdict.first_failure
    told = [(one["change"], one["step"], one["role"]) for one in verdict.document()["decisions"]]  # type: ignore[attr-defined]
    assert told == [
        ("open system", "open", "system"),
        ("party.create", "propose", "entry"),
        ("party.create", "check", "check"),
        ("party.create", "approve", "approve"),
    ]
    (row,) = queries.proposals(ended=True)
    assert verdict.decisions[-1]["digest"] == row.digest
