"""Maker, checker and approver at the operator's console, by keyboard and without scripts; every way round is refused."""

from __future__ import annotations

import json

import pytest
from django.conf import settings
from playwright.sync_api import Page
from tests.browser import looks
from tests.browser.conftest import Visitor
from tests.browser.test_main_path import press, tab_to
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.parties.models import Party
from abate.platform.review import actions, proposing, queries
from abate.platform.review.models import Audit, Grant, User

pytestmark = [pytest.mark.browser, pytest.mark.platform, pytest.mark.clause("P-8.4-c")]
SHOP = {"code": "corner-shop", "kind": "merchant", "title_zh": "街角小店", "title_en": "Corner Shop"}


def look(window: Visitor, name: str, shots: str | None) -> None:
    page = window.page
    page.wait_for_load_state("load")
    if shots:
        page.screenshot(path=f"{shots}/{name}.png", full_page=True)
    faults = [f"faint: {text}" for text in looks.faint(page)] + [
        f"small: {text}" for text in looks.small(page)
    ]
    faults += [f"scrolls sideways by {looks.overflow(page)}"] if looks.overflow(page) else []
    window.complaints += [f"{name}: {fault}" for fault in faults]


def type_in(page: Page, selector: str, text: str) -> None:
    tab_to(page, selector)
    page.keyboard.type(text)


def ask(window: Visitor, path: str, form: dict[str, object]) -> tuple[int, str]:
    """A request past the page's own buttons, with its session and token: as somebody with a tool would."""
    cookies = {one["name"]: one["value"] for one in window.page.context.cookies()}
    headers = {"X-CSRFToken": cookies[settings.CSRF_COOKIE_NAME], "Origin": window.address}
    if path.startswith("/v1/"):
        answer = window.page.request.post(
            window.address + path,
            data=json.dumps(form),
            headers=headers | {"Content-Type": "application/json"},
        )
    else:
        answer = window.page.request.post(window.address + path, form=form, headers=headers)  # type: ignore[arg-type]
    return answer.status, answer.text()


def second_account(of: User, role: str) -> User:
    user = actions.create_user("staff", made_up=True)
    actions.enrol_digest(user, bytes(of.staff.human_id))
    actions.grant(user, role)
    return user


def ways_round(
    city: stage.City, visit, maker: Visitor, people: dict[str, User], number: int
) -> list[Visitor]:
    """The own other role, the address, the bulk form, the interface, a second account, too early, no right: refused."""
    ways = {"step": "approve", "number": number}
    assert ask(maker, "/operator/proposals/decide", ways)[0] == 403
    assert ask(maker, "/operator/proposals/decide", {"step": "check", "number": number})[0] == 403
    status, text = ask(maker, "/v1/proposals/decide", {"step": "approve", "numbers": [number]})
    assert status == 200 and json.loads(text)["refused"] == {str(number): "three-people"}
    alias = visit(360, "zh-CN")
    alias.sign_in(second_account(people["entry"], "check"))
    assert "three-people" in ask(alias, "/operator/proposals/decide", {"step": "check", "number": number})[1]
    early = visit(360, "zh-CN")
    early.sign_in(people["approve"])
    found = ask(early, "/operator/proposals/decide", ways)
    assert found[0] == 409 and "proposal-not-checked" in found[1]
    stranger = visit(360, "zh-CN")
    stranger.sign_in(city.operator)
    assert ask(stranger, "/operator/proposals/decide", ways)[0] == 403
    assert stranger.go("/operator/proposals/new") == 403
    assert not Party.objects.filter(code="corner-shop").exists()
    return [alias, early, stranger]


def audited(visit, people: dict[str, User], shots: str | None) -> list[Visitor]:
    """The audit administrator finds all of it, and is found."""
    auditor = visit(360, "zh-CN", scripts=False)
    auditor.sign_in(people["audit_admin"])
    auditor.go("/operator/audit")
    type_in(auditor.page, "#what", "change.")
    press(auditor.page, "form p > button.button")
    assert "change.approve" in auditor.page.inner_text("main")
    look(auditor, "360-audit", shots)
    desk_ = visit(1440, "en-GB")
    desk_.sign_in(people["audit_admin"])
    desk_.go("/operator/audit?act=refused")
    look(desk_, "1440-audit-en", shots)
    got = desk_.page.request.get(desk_.address + "/operator/audit.csv?what=change.")
    assert (
        got.status == 200 and got.text().startswith("\ufeffid,at,account") and "change.approve" in got.text()
    )
    assert Audit.objects.filter(what="audit.export", account=people["audit_admin"].handle).exists()
    return [auditor, desk_]


def test_a_change_takes_three_people_and_there_is_no_way_round(
    city: stage.City, visit, shots: str | None
) -> None:
    people = desk.staffed()
    actions.grant(people["entry"], "approve")
    maker = visit(360, "zh-CN", scripts=False)
    maker.sign_in(people["entry"])
    maker.go("/operator/proposals")
    press(maker.page, "a[href='/operator/proposals/new']")
    maker.go("/operator/proposals/new?action=party.create")
    for name, text in SHOP.items():
        if name == "kind":
            maker.page.select_option("#a-kind", text)
        else:
            type_in(maker.page, f"#a-{name}", text)
    type_in(maker.page, "#why", "new contract")
    maker.page.check("input[name=made_up]")
    look(maker, "360-propose", shots)
    press(maker.page, "form[method=post] p > button.button")
    (row,) = queries.proposals()
    number = row.number
    assert maker.page.url.endswith(f"/operator/proposals/{number}")
    assert "本人经手" in maker.page.inner_text("main") or "您已经手" in maker.page.inner_text("main")
    look(maker, "360-proposal-own", shots)

    windows = [maker, *ways_round(city, visit, maker, people, number)]

    # The checker sees before and after, and decides on two at once; the own alias cannot follow.
    other = proposing.propose(
        people["entry"], "party.suspend", {"code": city.partner.code}, "late reports"
    ).pk
    checker = visit(1440, "zh-CN", scripts=False)
    checker.sign_in(people["check"])
    checker.go("/operator/proposals")
    look(checker, "1440-proposals", shots)
    for one in (other, number):
        tab_to(checker.page, f"input[name=number][value='{one}']")
        checker.page.keyboard.press("Space")
    press(checker.page, "button[value=check]")
    assert {one.state for one in queries.proposals()} == {"checked"}
    again = visit(360, "zh-CN")
    again.sign_in(second_account(people["check"], "approve"))
    bulk = ask(again, "/v1/proposals/decide", {"step": "approve", "numbers": [number, other]})
    assert json.loads(bulk[1])["refused"] == {str(number): "three-people", str(other): "three-people"}

    approver = visit(1440, "en-GB", scripts=False)
    approver.sign_in(people["approve"])
    approver.go(f"/operator/proposals/{number}")
    text = approver.page.inner_text("main")
    assert "Corner Shop" in text and "Before" in text and "new contract" in text
    look(approver, "1440-proposal-en", shots)
    press(approver.page, "button[value=approve]")
    assert Party.objects.get(code="corner-shop").title_en == "Corner Shop"
    approver.go(f"/operator/proposals/{other}")
    type_in(approver.page, "#reason", "the reports came")
    press(approver.page, "button[value=reject]")
    assert (
        queries.proposal(other).state == "rejected"
        and Party.objects.get(pk=city.partner.pk).status == "active"
    )

    windows += audited(visit, people, shots)
    for window in (*windows, checker, again, approver):
        expected = "Failed to load resource"  # a refusal that was asked for
        assert [one for one in window.complaints if expected not in one] == []
    assert Grant.objects.filter(user=people["entry"]).count() == 2
