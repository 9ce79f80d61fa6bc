"""The pages of joining: what is the platform's to say is not taken from a form, another's is not there, texts stay texts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.platform.joining import applicants
from tests.platform.joining.applicants import PARTICULARS, PDF, admitted, draft, later, reviewed, submitted
from tests.platform.web.conftest import enter  # noqa: F401 (a fixture)

from abate.demo import desk
from abate.platform.doors import clock
from abate.platform.joining import actions, decided, noticing, queries
from abate.platform.joining.models import Application, Document, Finding
from abate.platform.joining.papers import LARGEST
from abate.platform.parties import standing
from abate.platform.parties.models import Client as PartyKey
from abate.platform.review import proposing
from abate.platform.review.changes import canonical
from abate.platform.review.models import Proposal
from abate.platform.web.pages import applications as pages

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
Enter = Callable[..., Client]


def paper(data: bytes = PDF, name: str = "licence.pdf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, "application/pdf")


def test_a_form_says_only_what_an_application_says() -> None:
    given = asdict(PARTICULARS) | {
        "state": "admitted",
        "party": 1,
        "proved_at": "2026-01-01",
        "user": 1,
        "terms": "2026-1",
    }
    answer = Client().post("/join", given, headers={"accept-language": "en"})
    assert answer.status_code == 200 and "is on its way to the contact" in answer.content.decode()
    one = Application.objects.get()
    assert (one.state, one.party, one.proved_at, one.terms) == ("draft", None, None, "")
    again = Client().post("/join", given, headers={"accept-language": "en"})
    assert again.status_code == 409 and PARTICULARS.title_en in again.content.decode()


def test_where_no_link_can_be_sent_the_form_is_whole_still() -> None:
    answer = Client().post("/join/link", {"contact": "nonsense"}, headers={"accept-language": "en"})
    shown = answer.content.decode()
    assert answer.status_code >= 400 and 'id="registration"' in shown and 'value="merchant"' in shown


@pytest.mark.parametrize("title", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1"])
def test_a_name_that_a_spreadsheet_would_compute_is_refused(title: str) -> None:
    answer = Client().post("/join", asdict(PARTICULARS) | {"title_en": title})
    assert answer.status_code == 422 and not Application.objects.exists()


def test_what_an_applicant_wrote_is_shown_and_never_run(enter: Enter) -> None:  # noqa: F811
    bad = "<script>alert(1)</script>"
    one = submitted(title_zh=bad, title_en=bad, contact_name=bad)
    clerk = enter(applicants.reviewer(), "en")
    for browser, path in (
        (enter(one.user, "en"), "/joining"),
        (clerk, f"/operator/applications/{one.pk}"),
        (clerk, "/operator/applications"),
    ):
        answer = browser.get(path)
        assert answer.status_code == 200
        assert bad not in answer.content.decode() and "&lt;script&gt;" in answer.content.decode(), path


def test_a_paper_too_large_is_cut_off_and_none_is_kept(enter: Enter) -> None:  # noqa: F811
    one = draft()
    browser = enter(one.user, "en")
    form = {"kind": "registration", "valid_until": later().isoformat()}
    for file in (paper(PDF + bytes(LARGEST)), paper(b"PK\x03\x04"), paper(b"")):
        answer = browser.post("/joining/document", form | {"file": file})
        assert answer.status_code == 422 and "document-refused" not in answer.content.decode()
        assert not Document.objects.exists()
    assert browser.post("/joining/document", form).status_code == 422
    assert browser.post("/joining/document", form | {"file": paper()}).status_code == 302
    assert queries.newest(one)["registration"].name == "licence.pdf"
    assert browser.post("/joining/document", form | {"file": paper(), "kind": "mandate"}).status_code == 422


@pytest.mark.clause("P-8.4-c")
def test_an_applicant_reaches_its_own_and_nothing_else_whatever_id_it_names(enter: Enter) -> None:  # noqa: F811
    mine, other = submitted(), admitted(code="made-up-other", registration=applicants.registration(2))
    standing.begin(other)
    theirs = Application.objects.get(party=other)
    browser = enter(mine.user, "en")
    row = queries.newest(theirs)["registration"]
    for path in (
        f"/operator/applications/{theirs.pk}",
        f"/operator/applications/{mine.pk}",
        f"/operator/applications/{theirs.pk}/documents/{row.pk}",
        "/operator/applications",
        "/operator/standing",
    ):
        assert browser.get(path).status_code == 403, path
    for path, data in (
        (f"/operator/applications/{mine.pk}/finding", {"document": row.pk, "found": "in_order"}),
        (
            f"/operator/applications/{mine.pk}/propose",
            {"change": "admit", "to_day": later().isoformat(), "why": "me"},
        ),
        ("/operator/notices", {"party": other.code}),
    ):
        assert browser.post(path, data).status_code == 403, path
    # Forms of its own page know no id but its own.
    assert browser.post("/joining/key", {"party": other.pk, "code": other.code}).status_code == 404
    notice = noticing.open_notice(other, "x", "x", later(3), None)
    assert browser.post(f"/joining/notices/{notice.pk}", {"text": "mine"}).status_code == 404
    assert not Proposal.objects.filter(action="party.client").exists() and not PartyKey.objects.exists()
    assert Finding.objects.filter(application=mine).count() == 0


def test_a_clerk_s_form_reaches_only_what_belongs_to_the_application(enter: Enter) -> None:  # noqa: F811
    one, other = submitted(), submitted(code="made-up-other", registration=applicants.registration(3))
    clerk = enter(desk.staffed()["entry"], "en")
    foreign = queries.newest(other)["registration"].pk
    at = f"/operator/applications/{one.pk}"
    for number in (foreign, 2**70, "x", ""):
        answer = clerk.post(f"{at}/finding", {"document": number, "found": "in_order"})
        assert answer.status_code == 404
    assert clerk.get(f"{at}/documents/{foreign}").status_code == 404
    assert not Finding.objects.exists()
    # No other change goes through this form.
    for change in ("leave", "client", "suspend"):
        assert clerk.post(f"{at}/propose", {"change": change, "why": "x"}).status_code in (400, 404, 409, 422)
    assert not Proposal.objects.exclude(action__in=["staff.enrol", "role.grant"]).exists()


def test_the_three_steps_on_the_page_are_three_people_s(enter: Enter) -> None:  # noqa: F811
    one, held = reviewed(), desk.staffed()
    at = f"/operator/applications/{one.pk}"
    clerk, checker, approver = (enter(held[role], "en") for role in ("entry", "check", "approve"))
    form = {"change": "admit", "to_day": later().isoformat(), "why": "read"}
    assert checker.post(f"{at}/propose", form).status_code == 403
    assert clerk.post(f"{at}/propose", form | {"to_day": "soon"}).status_code == 400
    assert clerk.post(f"{at}/propose", form).status_code == 302
    (number,) = Proposal.objects.filter(action="party.admit").values_list("pk", flat=True)
    decide = "/operator/proposals/decide"
    for browser, step in ((clerk, "check"), (checker, "approve"), (approver, "approve")):
        assert browser.post(decide, {"step": step, "number": number}).status_code in (403, 409), step
    assert f"/operator/proposals/{number}" in checker.get(at).content.decode()
    checker.post(decide, {"step": "check", "number": number})
    approver.post(decide, {"step": "approve", "number": number})
    one.refresh_from_db()
    assert one.state == "admitted"


def test_notices_and_quality_on_both_sides(enter: Enter) -> None:  # noqa: F811
    party = admitted()
    one, clerk = Application.objects.get(party=party), enter(applicants.reviewer(), "en")
    form = {
        "party": party.code,
        "subject": "Late",
        "text": "Since Monday.",
        "answer_by": later(3).isoformat(),
    }
    assert clerk.post("/operator/notices", form | {"answer_by": "soon"}).status_code == 422
    assert clerk.post("/operator/notices", form).status_code == 302
    (row,) = queries.notices(party.pk)
    partner = enter(one.user, "zh-hans")
    assert "Since Monday." in partner.get("/joining").content.decode()
    assert partner.post(f"/joining/notices/{row.id}", {"text": "已处理"}).status_code == 302
    page = clerk.get(f"/operator/standing?month={clock.today():%Y-%m}").content.decode()
    assert "已处理" in page
    assert (
        clerk.post("/operator/notices", {"notice": row.id, "step": "close", "text": "thanks"}).status_code
        == 302
    )
    assert queries.notice(row.id).state == "closed"
    for month in ("nonsense", "0001-01", "9999-12"):
        assert clerk.get(f"/operator/standing?month={month}").status_code == 200


def test_a_party_that_brings_newer_papers_waits_among_the_applications(enter: Enter) -> None:  # noqa: F811
    """Nobody reads what no list shows: until somebody did, the party stood on the old paper until its last day."""
    one = Application.objects.get(party=admitted())
    clerk = enter(desk.staffed()["entry"], "en")
    assert one.code not in clerk.get("/operator/applications").content.decode()
    actions.add_document(one, "registration", "newer.pdf", PDF, later(600))
    page = clerk.get("/operator/applications").content.decode()
    assert one.code in page and "New documents" in page
    assert [row.renews for row in queries.applications()] == [True]
    decided.leave(one.party, despite=True, how="x")  # type: ignore[arg-type]
    assert queries.applications() == []


def test_every_application_is_on_a_page(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """The list was cut off without a word, and the newest were those that it left out."""
    monkeypatch.setattr(pages, "_PAGE", 2)
    codes = [f"made-up-{number}" for number in range(5)]
    for number, code in enumerate(codes):
        submitted(code=code, registration=applicants.registration(number))
    clerk = enter(desk.staffed()["entry"], "en")
    for address, expected in (("?", codes), ("?all=1&", codes[::-1])):
        shown, place = [], ""
        for _ in range(3):
            page = clerk.get(f"/operator/applications{address}{place}").content.decode()
            shown += re.findall(r"made-up-\d(?=</span>)", page)
            place = next(iter(re.findall(r'href="\?[^"]*(beyond=[0-9a-f-]{36})"', page)), "")
        assert shown == expected and not place, address


def test_what_was_proposed_of_it_is_listed_however_much_came_since_of_others(enter: Enter) -> None:  # noqa: F811
    """The page read the newest thousand of all, and showed what was left of its own."""
    one, people = reviewed(), desk.staffed()
    given = {"application": str(one.pk), "reason": "x"}
    own = proposing.propose(people["entry"], "party.refuse", given, "a reason of its own")
    now, quoted = clock.now(), f'"application":"{one.pk}"'
    rest = {"before": "{}", "after": "{}", "nonce": bytes(16), "at": now, "expires_at": now + proposing.VALID}
    others = [canonical({"application": str(uuid4()), "reason": quoted}) for _ in range(1_000)]
    Proposal.objects.bulk_create(
        Proposal(
            action="party.refuse", arguments=text, reason="of another", digest=n.to_bytes(32, "big"), **rest
        )
        for n, text in enumerate(others)
    )
    page = enter(people["entry"], "en").get(f"/operator/applications/{one.pk}").content.decode()
    assert f"#{own.pk}" in page and "a reason of its own" in page and "of another" not in page


def test_a_document_goes_out_under_the_ending_of_what_it_is(enter: Enter) -> None:  # noqa: F811
    one = draft()
    row = actions.add_document(one, "registration", "licence.pdf", b"\x89PNG\r\n\x1a\n a picture", later())
    answer = enter(applicants.reviewer()).get(f"/operator/applications/{one.pk}/documents/{row.pk}")
    assert answer.status_code == 200 and answer["Content-Type"] == "image/png"
    assert answer["Content-Disposition"] == f'attachment; filename="registration-{row.pk}.png"'
