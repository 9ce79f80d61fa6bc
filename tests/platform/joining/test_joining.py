"""From application to admission: what each kind must bring, what is refused by name, and who decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidTag
from tests.platform.joining import applicants
from tests.platform.joining.applicants import (
    PARTICULARS,
    PDF,
    admitted,
    bring,
    draft,
    later,
    reviewed,
    submitted,
)

from abate.demo import desk
from abate.platform.carbon import basis
from abate.platform.config import fields
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.joining import actions, kinds, papers, queries
from abate.platform.joining.errors import (
    ApplicantUnproved,
    ApplicationClosed,
    ApplicationMalformed,
    DocumentExpired,
    DocumentMissing,
    DocumentNotInOrder,
    DocumentRefused,
    TermsNotAccepted,
)
from abate.platform.joining.models import Application, Document, Finding
from abate.platform.parties import actions as parties
from abate.platform.parties import queries as party_queries
from abate.platform.parties.errors import (
    PartyCodeTaken,
)
from abate.platform.parties.models import Member, Party
from abate.platform.review import errors, proposing
from abate.platform.review.models import Grant, User

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


@pytest.mark.clause("P-6.1-d", "P-6.2")
def test_an_applicant_is_admitted_by_three_people_with_its_agreement_and_on_trial() -> None:
    one = reviewed()
    shown = desk.decide("party.admit", application=str(one.pk), to_day=later(400).isoformat())
    party = Party.objects.get(code="made-up-rides")
    assert (
        shown
        == {"party": "made-up-rides", "status": "trial"}
        == {"party": party.code, "status": party.status}
    )
    agreement = queries.agreement(party.pk)
    assert agreement is not None and agreement.terms == "2026-1" and "on_time" in agreement.duties
    assert (agreement.from_day, agreement.to_day) == (clock.today(), later(400))
    # It stands as long as the first of its papers, which is before the agreement's last day.
    assert party.valid_until == later(300) and party.grants == ["data"]
    assert party_queries.behaviours(party.pk) == ("online-meeting", "walking")
    one.refresh_from_db()
    assert one.state == "admitted" and one.party == party
    assert Member.objects.get(user=one.user).party == party
    assert all(paper.state == "approved" for paper in queries.papers(one))


@pytest.mark.parametrize("kind", list(kinds.kinds().kinds))
@pytest.mark.clause("P-6.3", "P-8.4-a")
def test_each_kind_is_let_in_with_its_own_documents_and_without_one_of_them_never(kind: str) -> None:
    role = kinds.kinds().kinds[kind]
    grants = tuple(sorted(role.must))
    behaviours = ("walking",) if "data" in grants else ()
    given = {"kind": kind, "code": kind.replace("_", "-"), "grants": grants, "behaviours": behaviours}
    one = draft(**given)
    actions.prove(one.user)
    asked = list(queries.required(one))
    for missing in asked:
        bring(one, but=(missing,))
        with pytest.raises(DocumentMissing, match=missing):
            actions.submit(one, kinds.kinds().terms)
        Document.objects.all().delete()
    bring(one)
    actions.submit(one, kinds.kinds().terms)
    for row in queries.newest(one).values():
        actions.find(one, row.pk, in_order=True, note="", user=applicants.reviewer())
    desk.decide("party.admit", application=str(one.pk), to_day=later(400).isoformat())
    party = Party.objects.get(code=given["code"])
    assert party.kind == kind and party.status == ("trial" if "data" in grants else "active")


@pytest.mark.clause("P-8.4-a")
def test_security_evidence_is_asked_of_all_whom_the_standard_names() -> None:
    found = kinds.kinds()
    asked = {kind for kind, role in found.kinds.items() if "security" in found.required(kind, role.must)}
    assert asked == {"data_provider", "identity_provider", "settlement", "circulation"}
    for kind in ("data_provider", "identity_provider", "settlement", "circulation"):
        assert found.required(kind, found.kinds[kind].must)["security"] == "8.4"
    assert {"payment_licence", "funds"} <= set(found.required("settlement", ()))
    assert "exchange" in found.required("circulation", ())


@pytest.mark.clause("P-6.3")
def test_each_acceptor_has_its_own_documents_by_clause() -> None:
    found = kinds.kinds()
    asked = {kind: found.required(kind, ()) for kind in ("merchant", "welfare", "financial")}
    assert {"after_sales", "goods"} <= set(asked["merchant"])
    assert {"welfare_registration", "qualification", "use_of_credits"} == set(asked["welfare"])
    assert {"financial_licence", "user_information"} <= set(asked["financial"])
    assert {clause for documents in asked.values() for clause in documents.values()} == {"6.3"}


@pytest.mark.parametrize(
    ("spoil", "needle"),
    [
        (('must = ["data"]', 'must = ["money"]'), "grant"),
        (('security = "8.4" }', 'horoscope = "8.4" }'), "document"),
        (('duties = ["rules"]', 'duties = ["sing"]'), "duty"),
        (("[kinds.verifier]", "[kinds.wizard]"), "kind"),
    ],
)
def test_a_word_of_kinds_that_means_nothing_is_refused(spoil: tuple[str, str], needle: str) -> None:
    text = (kinds.Path(kinds.__file__).parent / "kinds.toml").read_text(encoding="utf-8")
    assert spoil[0] in text
    with pytest.raises(ValueError, match=needle):
        kinds.read(text.replace(*spoil, 1))


def test_nothing_is_submitted_before_the_contact_is_proved_and_the_terms_are_accepted() -> None:
    one = draft()
    bring(one)
    with pytest.raises(ApplicantUnproved):
        actions.submit(one, kinds.kinds().terms)
    actions.prove(one.user)
    for terms in ("", "2025-9"):
        with pytest.raises(TermsNotAccepted):
            actions.submit(one, terms)
    actions.submit(one, kinds.kinds().terms)
    for act in (
        lambda: actions.submit(one, kinds.kinds().terms),
        lambda: actions.add_document(one, "registration", "x.pdf", PDF, later()),
    ):
        with pytest.raises(ApplicationClosed):
            act()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", "Not A Code"),
        ("kind", "wizard"),
        ("title_zh", ""),
        ("title_en", "line\nbreak"),
        ("registration", PARTICULARS.registration[:-1] + "0"),
        ("registration", "91350100M000100Y44"),
        ("grants", ("data", "identity", "everything")),
        ("grants", ("identity",)),
        ("behaviours", ("flying",)),
        ("behaviours", ()),
        ("contact_name", "x" * 121),
    ],
)
def test_particulars_that_are_not_as_they_must_be_are_named(field: str, value: object) -> None:
    if field == "registration" and str(value).endswith("0") and PARTICULARS.registration.endswith("0"):
        value = str(value)[:-1] + "1"
    with pytest.raises(ApplicationMalformed, match=field):
        actions.apply(replace(PARTICULARS, **{field: value}), basis.catalogue().methods)  # type: ignore[arg-type]
    assert not Application.objects.exists() and not User.objects.filter(kind="staff").exists()


def test_the_check_sign_is_that_of_the_published_example() -> None:
    assert actions.credit_code_sign("91350100M000100Y4") == "3"


@pytest.mark.parametrize(
    "more", [{"state": "admitted"}, {"party_id": 1}, {"user": 1}, {"valid_until": "2099-01-01"}]
)
def test_what_is_the_platform_s_to_say_cannot_be_sent(more: dict[str, object]) -> None:
    given = {name: getattr(PARTICULARS, name) for name in PARTICULARS.__slots__}
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
    assert actions.particulars(given) == PARTICULARS
    with pytest.raises(ApplicationMalformed, match="no such field"):
        actions.particulars(given | more)


@pytest.mark.parametrize(
    "name", ["../secrets.json", "a/b.pdf", "C:\\x.pdf", "..", "", "x" * 129, "a\u202eb.pdf\u0007", "a\0.pdf"]
)
def test_a_name_that_is_a_path_is_refused(name: str) -> None:
    with pytest.raises(DocumentRefused, match="name"):
        actions.add_document(draft(), "registration", name, PDF, later())


@pytest.mark.parametrize(
    ("data", "needle"),
    [
        (b"", "size"),
        (PDF + bytes(papers.LARGEST), "size"),
        (b"MZ\x90\x00 a program", "type"),
        (b"PK\x03\x04 an archive", "type"),
        (b"<script>alert(1)</script>", "type"),
    ],
    ids=["empty", "large", "program", "archive", "script"],
)
def test_a_file_that_is_no_paper_is_refused(data: bytes, needle: str) -> None:
    with pytest.raises(DocumentRefused, match=needle):
        actions.add_document(draft(), "registration", "licence.pdf", data, later())
    assert not Document.objects.exists()


def test_a_paper_lies_encrypted_and_opens_only_as_it_was_written() -> None:
    one = draft()
    secret = PDF + b"the-planted-word-of-the-licence"
    row = actions.add_document(one, "registration", "licence.pdf", secret, later())
    row.refresh_from_db()
    assert b"planted-word" not in bytes(row.body) and row.media == "application/pdf"
    assert papers.opened(row) == secret
    other = draft(code="another", registration=applicants.registration(2))
    row.application = other
    with pytest.raises(InvalidTag):
        papers.opened(row)
    assert (
        b"joining@example.org" not in bytes(one.contact)
        and queries.contact(one)["reach"] == "joining@example.org"
    )


def test_a_document_past_its_day_is_refused_at_every_step() -> None:
    with pytest.raises(DocumentRefused, match="valid_until"):
        actions.add_document(draft(), "registration", "x.pdf", PDF, clock.today() - timedelta(days=1))
    one = reviewed(code="second", registration=applicants.registration(3))
    with clock.frozen(clock.now() + timedelta(days=301)), pytest.raises(DocumentExpired):
        desk.decide("party.admit", application=str(one.pk), to_day=later(400).isoformat())
    assert not Party.objects.filter(code="second").exists()


@pytest.mark.clause("P-6.1-d", "P-8.4-c")
def test_nobody_is_admitted_unread_unreviewed_or_by_fewer_than_three() -> None:
    one, people_ = submitted(), desk.staffed()
    given = {"application": str(one.pk), "to_day": later().isoformat()}
    with pytest.raises(DocumentNotInOrder):
        proposing.propose(people_["entry"], "party.admit", given, "x")
    rows = list(queries.newest(one).values())
    for row in rows:
        actions.find(one, row.pk, in_order=True, note="", user=people_["entry"])
    actions.find(one, rows[0].pk, in_order=False, note="blurred", user=people_["entry"])
    with pytest.raises(DocumentNotInOrder, match=rows[0].kind):
        proposing.propose(people_["entry"], "party.admit", given, "x")
    actions.find(one, rows[0].pk, in_order=True, note="", user=people_["entry"])
    proposal = proposing.propose(people_["entry"], "party.admit", given, "x")
    # Its applicant is nobody of the staff; the proposer takes no second step; nothing happens before the third.
    for user, refusal in ((one.user, errors.NotEnrolled), (people_["entry"], errors.NoRight)):
        with pytest.raises(refusal):
            proposing.check(user, proposal.pk)
    proposing.check(people_["check"], proposal.pk)
    with pytest.raises(Problem):
        proposing.approve(people_["check"], proposal.pk)
    assert not Party.objects.filter(code=one.code).exists()
    # What was reviewed is what is approved: a finding in between takes the ground from the proposal.
    actions.find(one, rows[1].pk, in_order=False, note="forged", user=people_["entry"])
    with pytest.raises(errors.StateMoved):
        proposing.approve(people_["approve"], proposal.pk)
    assert not Party.objects.filter(code=one.code).exists()


def test_an_applicant_who_is_of_the_staff_decides_nothing_about_it() -> None:
    one = reviewed()
    user = desk.hire("made-up applicant", "approve")
    Application.objects.filter(pk=one.pk).update(user=user)
    people_ = desk.staffed()
    proposal = proposing.propose(
        people_["entry"], "party.admit", {"application": str(one.pk), "to_day": later().isoformat()}, "x"
    )
    proposing.check(people_["check"], proposal.pk)
    with pytest.raises(errors.ConcernsOneself):
        proposing.approve(user, proposal.pk)


def test_no_role_comes_with_an_application() -> None:
    party = admitted()
    user = Application.objects.get(party=party).user
    assert not Grant.objects.filter(user=user).exists()
    with pytest.raises(errors.NoRight):
        proposing.propose(user, "party.client", {"code": party.code}, "x")


def test_a_code_is_asked_for_by_one_at_a_time() -> None:
    one = draft()
    with pytest.raises(PartyCodeTaken):
        draft(registration=applicants.registration(4))
    desk.decide("party.refuse", application=str(one.pk), reason="not registered")
    one.refresh_from_db()
    assert (one.state, one.note) == ("refused", "not registered")
    second = draft(registration=applicants.registration(4))
    actions.withdraw(second)
    parties.create_party("made-up-rides", "merchant", "占用", "Taken")
    with pytest.raises(PartyCodeTaken):
        draft(registration=applicants.registration(5))


def test_what_is_returned_is_mended_and_handed_in_again() -> None:
    one = submitted()
    row = queries.newest(one)["registration"]
    actions.find(one, row.pk, in_order=False, note="unreadable", user=applicants.reviewer())
    # Said again, as after an answer that was lost, it is one finding.
    actions.find(one, row.pk, in_order=False, note="unreadable", user=applicants.reviewer())
    assert Finding.objects.count() == 1
    actions.send_back(one, "registration is unreadable")
    one.refresh_from_db()
    assert (one.state, one.note) == ("returned", "registration is unreadable")
    actions.add_document(one, "registration", "clear.pdf", PDF + b"2", later())
    assert {p.kind: p.state for p in queries.papers(one)}["registration"] == "new"
    actions.submit(one, kinds.kinds().terms)
    assert one.state == "submitted"


@pytest.mark.clause("P-8.4-b")
def test_an_application_whose_contact_was_never_reached_goes_after_a_month() -> None:
    start = clock.now()
    kept, gone = (
        applicants.draft(),
        applicants.draft(code="made-up-gone", registration=applicants.registration(5)),
    )
    Application.objects.filter(pk=kept.pk).update(proved_at=start)
    paper = actions.add_document(gone, "registration", "a.pdf", applicants.PDF, later())
    with clock.frozen(start + timedelta(days=29)):
        assert fields.retain()["joining_application"] == 0
    with clock.frozen(start + timedelta(days=31)):
        assert fields.retain()["joining_application"] == 1
        assert fields.retain()["joining_application"] == 0
    assert list(Application.objects.all()) == [kept]
    assert not Document.objects.filter(pk=paper.pk).exists()
    gone.user.refresh_from_db()
    assert not gone.user.is_active
    # Its code is free again.
    assert applicants.draft(code="made-up-gone", registration=applicants.registration(5)).state == "draft"


@pytest.mark.clause("P-6.1-d")
def test_a_real_organisation_has_an_application_or_is_no_party() -> None:
    given = {"code": "some-shop", "kind": "merchant", "title_zh": "某店", "title_en": "A shop"}
    with pytest.raises(Problem) as refused:
        proposing.propose(desk.staffed()["entry"], "party.create", given, "its papers are in a drawer")
    assert refused.value.code == "party-application-needed" and not Party.objects.exists()
