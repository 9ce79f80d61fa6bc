"""The pages of joining say what to mend, where, and how to go on: nobody is sent back without a word."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest
from django.test import Client
from tests.platform.joining import applicants
from tests.platform.joining.applicants import PARTICULARS, PDF, admitted, draft, later, reviewed, submitted
from tests.platform.web.conftest import enter  # noqa: F401 (a fixture)

from abate.platform.carbon import basis
from abate.platform.config import sandbox
from abate.platform.joining import actions, mending, queries
from abate.platform.joining.models import Application, Finding
from abate.platform.review import proposing

pytestmark = [pytest.mark.platform, pytest.mark.django_db]
Enter = Callable[..., Client]


@pytest.mark.parametrize(
    ("changed", "name", "zh", "en"),
    [
        ({"behaviours": []}, "behaviours", "须至少选一个行为", "needs at least one behaviour"),
        ({"grants": []}, "grants", "必须申请的授权：提供行为数据", "needs: provide behaviour data."),
        ({"kind": "welfare"}, "grants", "可以申请的授权：无", "may have: none."),
        ({"kind": "nobody"}, "kind", "请选择一个类别", "Choose a kind."),
    ],
)
def test_what_does_not_go_together_is_named_at_its_list(
    changed: dict[str, object], name: str, zh: str, en: str
) -> None:
    """Told to "mend the field that is named", nobody saw one named, and the list of behaviours stayed folded."""
    for language, said in (("zh-hans", zh), ("en", en)):
        answer = Client().post("/join", asdict(PARTICULARS) | changed, headers={"accept-language": language})
        shown = answer.content.decode()
        assert answer.status_code == 422 and said in shown
        assert shown.count('class="error"') == 1 and f'id="{name}-error"' in shown
        assert f'aria-describedby="{name}-error"' in shown
    if name == "behaviours":
        assert '<details open aria-describedby="behaviours-error">' in shown


def test_of_two_fields_the_one_that_is_wrong_is_marked() -> None:
    answer = Client().post("/join", asdict(PARTICULARS) | {"contact_name": " "})
    shown = answer.content.decode()
    assert 'id="contact_name-error"' in shown and 'id="contact-error"' not in shown


@pytest.mark.parametrize(("language", "said"), [("zh-hans", "缺少意见"), ("en", "The note is missing")])
def test_not_in_order_without_a_note_is_told_of_the_note(enter: Enter, language: str, said: str) -> None:  # noqa: F811
    """It was told of the eighteen signs of the applicant's credit code."""
    one = submitted()
    row = queries.newest(one)["registration"].pk
    clerk, at = enter(applicants.reviewer(), language), f"/operator/applications/{one.pk}/finding"
    for form in ({"document": row, "found": "faulty", "note": " "}, {"found": "return", "note": ""}):
        answer = clerk.post(at, form)
        shown = answer.content.decode()
        assert answer.status_code == 422 and said in shown and "credit code has 18 signs" not in shown
    assert not Finding.objects.exists()


def test_what_a_refused_form_gave_as_its_reason_is_there_still(enter: Enter) -> None:  # noqa: F811
    one = submitted()
    row = queries.newest(one)["registration"].pk
    clerk, at = enter(applicants.reviewer(), "en"), f"/operator/applications/{one.pk}"
    long, why = "read twice " * 46, "a reason of <its> own"
    kept = 'value="a reason of &lt;its&gt; own"'
    for path, form, place in (
        ("propose", {"change": "admit", "to_day": "soon", "why": why}, f'id="why" name="why" maxlength="500" {kept}'),
        ("propose", {"change": "contact", "contact": "none@", "why": why},
         f'id="why-contact" name="why" maxlength="500" {kept}'),
        ("finding", {"document": row, "found": "faulty", "note": why, "seen": "9"},
         f'id="note-{row}" name="note" maxlength="500" {kept}'),
        ("finding", {"found": "return", "note": long}, f'name="note" maxlength="500" value="{long}"'),
    ):  # fmt: skip
        answer = clerk.post(f"{at}/{path}", form)
        assert answer.status_code >= 400 and place in answer.content.decode(), form
        assert "none@" not in answer.content.decode()


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh-hans", ("提供行为数据", "会议", "准入")),
        ("en", ("provide behaviour data", "nline meeting", "dmi")),
    ],
)
def test_grants_behaviours_and_changes_are_called_by_their_names(
    enter: Enter,  # noqa: F811
    language: str,
    words: tuple[str, ...],
) -> None:
    one = reviewed()
    given = {"application": str(one.pk), "to_day": later().isoformat()}
    proposing.propose(applicants.reviewer(), "party.admit", given, "read")
    page = enter(applicants.reviewer(), language).get(f"/operator/applications/{one.pk}").content.decode()
    for word in words:
        assert word in page
    for code in ("party.admit", ">data", "online-meeting"):
        assert code not in page


@pytest.mark.parametrize(("language", "asked"), [("zh-hans", "请先勾选确认"), ("en", "Tick the box first")])
def test_an_application_is_withdrawn_only_by_who_says_so_twice(
    enter: Enter,  # noqa: F811
    language: str,
    asked: str,
) -> None:
    """The button stood beside the one that hands in, and one slip of the finger was the end of it."""
    one = draft()
    browser = enter(one.user, language)
    page = browser.get("/joining").content.decode()
    (handing,) = re.findall(r"<form(?:(?!</form>).)*value=.submit.(?:(?!</form>).)*</form>", page, re.DOTALL)
    assert 'value="withdraw"' not in handing and 'value="withdraw"' in page
    answer = browser.post("/joining/submit", {"step": "withdraw"})
    one.refresh_from_db()
    assert (answer.status_code, one.state) == (422, "draft") and asked in answer.content.decode()
    assert browser.post("/joining/submit", {"step": "withdraw", "sure": "yes"}).status_code == 302
    one.refresh_from_db()
    assert one.state == "withdrawn"


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_what_was_found_of_a_document_is_said_until_it_is_looked_at_again(
    enter: Enter,  # noqa: F811
    language: str,
) -> None:
    """Once a name was mended the faulty document read "not reviewed yet", with no word of what was wrong with it."""
    one = submitted()
    row = queries.newest(one)["registration"]
    actions.find(one, row.pk, in_order=False, note="the seal <cut off>", user=applicants.reviewer())
    actions.send_back(one, "see the licence")
    one.refresh_from_db()
    browser, note = enter(one.user, language), "the seal &lt;cut off&gt;"
    assert (
        _open_uploads(page := browser.get("/joining").content.decode()) == ["registration"] and note in page
    )
    mending.mend(one, replace(PARTICULARS, title_en="Another Name"), basis.catalogue().methods)
    one.refresh_from_db()
    assert {paper.state for paper in queries.papers(one)} == {"new"}
    assert (
        _open_uploads(page := browser.get("/joining").content.decode()) == ["registration"] and note in page
    )
    assert (
        note
        in enter(applicants.reviewer(), language).get(f"/operator/applications/{one.pk}").content.decode()
    )
    actions.add_document(one, "registration", "whole.pdf", PDF, later())
    assert not _open_uploads(page := browser.get("/joining").content.decode()) and note not in page


def _open_uploads(page: str) -> list[str]:
    """The documents whose upload is unfolded."""
    return re.findall(r'<details open>(?:(?!</details>).)*name="kind" value="(\w+)"', page, re.DOTALL)


@pytest.mark.parametrize(("language", "said"), [("zh-hans", "已经申请过？"), ("en", "Applied before?")])
def test_who_applied_before_finds_at_the_top_where_a_link_is_sent(language: str, said: str) -> None:
    page = Client().get("/join", headers={"accept-language": language}).content.decode()
    assert page.index(f'<a href="#before">{said}') < page.index('action="/join"') < page.index('id="before"')


@pytest.mark.parametrize(
    ("language", "asked"), [("zh-hans", "运营方给出沙箱地址"), ("en", "that the operator names")]
)
def test_who_is_to_try_first_is_told_the_sandbox_s_address(
    enter: Enter,  # noqa: F811
    settings: Any,
    language: str,
    asked: str,
) -> None:
    """The page sent them to the operator for it, also where the sandbox ran beside live."""
    one = Application.objects.get(party=admitted())
    assert one.party is not None and one.party.status == "trial"
    browser = enter(one.user, language)
    settings.ABATE_SANDBOX_KEY, settings.ABATE_SANDBOX_ORIGIN = None, "https://sandbox.example.org"
    assert asked in browser.get("/joining").content.decode(), "no sandbox is known"
    settings.ABATE_SANDBOX_KEY = "the key of one"
    page = browser.get("/joining").content.decode()
    assert 'href="https://sandbox.example.org/try"' in page and asked not in page
    assert "abate party check https://sandbox.example.org --party" in page
    settings.ABATE_SANDBOX_ORIGIN = ""
    assert asked in browser.get("/joining").content.decode(), "nobody said how others reach it"


def test_a_sandbox_on_this_machine_is_named_to_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ABATE_SANDBOX_ORIGIN", raising=False)
    monkeypatch.setenv("ABATE_SANDBOX_BIND", "127.0.0.1:8126")
    assert sandbox.origin("http://localhost:8000") == "http://127.0.0.1:8126"
    assert sandbox.origin("https://carbon.example.org") == ""
    monkeypatch.setenv("ABATE_SANDBOX_ORIGIN", "https://sandbox.example.org")
    assert sandbox.origin("https://carbon.example.org") == "https://sandbox.example.org"
