"""A change as people read and write it on the pages: words for codes, calendars for days, and what is wrong said where it is."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import translation
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.announcements.models import Announcement
from abate.platform.credits.models import Cap
from abate.platform.ledger import by_hand
from abate.platform.parties.models import Party
from abate.platform.quarantine.models import Rule
from abate.platform.review import proposing, queries
from abate.platform.review.models import Grant, User
from abate.platform.web import change_words

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-8.4-c")]
CAP = {"action": "cap.add", "max_mg": "500000", "behaviour": "cycling", "from_day": "2027-01-01",
       "reason_zh": "每日上限", "reason_en": "daily cap", "scope": "person", "period": "month", "why": "tried"}  # fmt: skip


@pytest.fixture
def people() -> dict[str, User]:
    return desk.staffed()


def browsing(user: User, language: str = "zh") -> Client:
    browser = Client(headers={"accept-language": language})
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    stage.prove(browser)
    return browser


def test_every_choice_that_a_form_offers_is_one_that_the_change_takes() -> None:
    takes = {
        ("cap.add", "scope"): set(Cap.SCOPES),
        ("cap.add", "period"): set(Cap.PERIODS),
        ("quarantine.rule", "cause"): set(Rule.CAUSES),
        ("announcement.set", "audience"): set(Announcement.AUDIENCES),
        ("ledger.book", "kind"): set(by_hand.NEEDS),
        ("party.create", "kind"): set(Party.Kind.values),
        ("party.member", "role"): {"acceptor", "partner"},
        ("role.grant", "role"): set(Grant.Role.values),
    }
    for (action, name), words in takes.items():
        assert set(change_words.asked(action, name)) == words, (action, name)
    assert set(change_words.choices("party.suspend", "status")) == set(Party.Status.values)


def test_a_cap_is_chosen_and_read_in_words(people: dict[str, User]) -> None:
    clerk = browsing(people["entry"])
    form = clerk.get("/operator/proposals/new?action=cap.add").content.decode()
    assert '<option value="cycling">骑行</option>' in form and '<option value="month">每月</option>' in form
    assert (
        '<input type="date" id="a-from_day"' in form
        and 'name="behaviour"><option value="" selected>—' in form
    )
    assert clerk.post("/operator/proposals/new", CAP).status_code == 302
    (row,) = queries.proposals()
    assert (row.arguments["period"], row.arguments["behaviour"]) == ("month", "cycling")
    for language, told in (
        ("zh", ("上限 · 首日", "每月 (month)", "骑行 (cycling)", "每人 (person)")),
        ("en", ("Cap · First day", "a month (month)", "Cycling (cycling)")),
    ):
        shown = browsing(people["check"], language).get(f"/operator/proposals/{row.number}").content.decode()
        assert all(one in shown for one in told) and "cap.from_day" not in shown, language


def test_what_is_wrong_is_told_at_the_argument_that_it_is_about(people: dict[str, User]) -> None:
    clerk = browsing(people["entry"])
    answer = clerk.post("/operator/proposals/new", CAP | {"from_day": "1 January"})
    form = answer.content.decode()
    assert answer.status_code == 400 and form.count('aria-invalid="true"') == 1
    assert 'id="e-from_day"' in form and "缺失，或不是这里要的内容。" in form
    # What was typed stays to be mended: no calendar could show it.
    assert '<input type="text" id="a-from_day" name="from_day" value="1 January"' in form


def test_a_moment_of_the_calendar_is_of_the_platform_s_zone(people: dict[str, User]) -> None:
    desk.create_party("sample-cafe", "merchant", "示例咖啡店", "Sample Café", made_up=True)
    offer: dict[str, Any] = {"action": "offer.create", "party": "sample-cafe", "title_zh": "咖啡", "title_en": "Coffee",
                             "detail_zh": "一杯", "detail_en": "a cup", "price_credits": "10", "stock": "5",
                             "valid_days": "10", "from_at": "2027-01-01T08:30",
                             "to_at": "2027-02-01T00:00:00+09:00", "why": "tried"}  # fmt: skip
    clerk = browsing(people["entry"])
    assert (
        'type="datetime-local"' in clerk.get("/operator/proposals/new?action=offer.create").content.decode()
    )
    assert clerk.post("/operator/proposals/new", offer).status_code == 302
    row = queries.proposals()[0]
    assert row.arguments["from_at"] == "2027-01-01T08:30:00+08:00"
    assert row.arguments["to_at"] == "2027-02-01T00:00:00+09:00"


def seen(who: User, number: int, language: str = "zh") -> str:
    return browsing(who, language).get(f"/operator/proposals/{number}").content.decode()


def test_whose_key_and_which_account_a_change_is_about_is_said_beside_its_id(people: dict[str, User]) -> None:
    party = desk.create_party("sample-app", "data_provider", "示例出行", "Sample Trips", ["cycling"])
    client_id, _ = desk.issue_client(party)
    desk.add_member(
        people["query"] if "query" in people else desk.hire("made-up reader", "query"), party, "partner"
    )
    member = desk.staffed()["query"]
    entry, check = people["entry"], people["check"]
    rotated = proposing.propose(entry, "party.rotate", {"client_id": client_id, "overlap_hours": 24}, "x")
    page = seen(check, rotated.pk)
    assert (
        "密钥属于" in page and "示例出行 (sample-app)" in page and "密钥数" in page and ">keys<" not in page
    )
    closed = proposing.propose(people["security_admin"], "staff.close", {"account": member.handle}, "x")
    page = seen(check, closed.pk)
    assert "查询 (query)" in page and "机构经办 (partner) · 示例出行" in page and "开通" in page
    assert "Roles that the account has" in seen(check, closed.pk, "en")


def test_lists_moments_and_what_is_left_open_are_read_in_words(people: dict[str, User]) -> None:
    desk.create_party("sample-app", "data_provider", "示例出行", "Sample Trips", ["cycling"])
    entry, check = people["entry"], people["check"]
    moved = proposing.propose(
        entry,
        "party.behaviours",
        {"code": "sample-app", "add": ["walking", "bus"], "remove": ["cycling"]},
        "x",
    )
    page = seen(check, moved.pk)
    assert "骑行 (cycling)" in page and "[&quot;" not in page and "示例出行 (sample-app)" in page
    left = proposing.propose(entry, "party.leave", {"code": "sample-app"}, "x")
    page = seen(check, left.pk)
    assert "仍未了结 · 兑换码" in page and "开通" not in page and "密钥数" in page
    made = proposing.propose(
        entry, "party.client", {"code": "sample-app", "expires_at": "2027-07-01T00:00:00+00:00"}, "x"
    )
    assert "2027-07-01 08:00" in seen(check, made.pk)


def test_a_list_of_papers_is_read_by_the_names_of_its_members() -> None:
    papers = [{"kind": "registration", "in_order": True, "valid_until": None}]
    with translation.override("zh-hans"):
        assert change_words.text(papers) == "类别: registration; 审核合格: 是; 有效期末日: —"
    with translation.override("en"):
        assert change_words.place("open.breaks") == "Still open · Breaks of reconciliation"
        assert change_words.place("basis.factors.cn-pue.csv") == "Basis · Factor files (digest) · cn-pue.csv"


def rows(action: str, where: str, value: object) -> tuple[str, str]:
    """How (Chinese, English) read it."""
    read = []
    for language in ("zh-hans", "en"):
        with translation.override(language):
            read.append(change_words.meaning(action, where, value) or change_words.text(value))
    return read[0], read[1]


def test_what_an_application_asks_for_and_how_it_stands_is_read_in_words(people: dict[str, User]) -> None:
    desk.create_party("sample-app", "data_provider", "示例出行", "Sample Trips", ["cycling"])
    paper = {"kind": "registration", "in_order": True, "valid_until": "2027-12-31"}
    for action, where, value, told in (
        ("party.admit", "application.grants", ["data"], ("提供行为数据 (data)", "(data)")),
        ("party.admit", "party.agreement.duties", ["truth"], ("保障积分用途和去向真实透明 (truth)", "(truth)")),
        ("party.admit", "state", "submitted", ("审核中 (submitted)", "Under review (submitted)")),
        ("party.admit", "documents", [paper], ("主体登记证明（营业执照、法人证书等） (registration)", "business licence")),
        ("party.contact", "request", "waiting", ("待处理 (waiting)", "waits for a decision (waiting)")),
        ("party.contact", "seats", ["sample-app partner"], ("示例出行 (sample-app) 机构经办", "looks after the party")),
        ("party.client", "scopes", ["events"], ("报送事件、查询本机构的事件 (events)", "send events")),
        ("sharing.answer", "fields", ["people", "acts"], ("人数 (people), 行为次数 (acts)", "acts (acts)")),
        ("sharing.answer", "about", "aggregate", ("人群的汇总数 (aggregate)", "figures of groups (aggregate)")),
        ("sharing.answer", "state", "asked", ("待决定 (asked)", "Asked (asked)")),
        ("sharing.answer", "kind", "research", ("研究 (research)", "research (research)")),
    ):  # fmt: skip
        zh, en = rows(action, where, value)
        assert told[0] in zh and told[1] in en, (action, where, zh, en)


def test_figures_have_separators_and_an_id_has_none() -> None:
    assert rows("cap.add", "cap.max_mg", 900_000)[0] == "900,000\u202fmg"
    assert rows("ledger.adjust", "credits", -12_000)[1] == "\u221212,000"
    assert rows("entry.reverse", "entry", 123_456) == ("123456", "123456")
    assert rows("ledger.book", "hold", 0) == ("—", "—")
    assert rows("cap.add", "counts", True) == ("是", "yes")


def test_a_reason_is_called_what_becomes_of_it(people: dict[str, User]) -> None:
    page = browsing(people["entry"]).get("/operator/proposals/new?action=party.refuse").content.decode()
    assert "告知申请方的理由" in page and "写入分录" not in page
    with translation.override("zh-hans"):
        assert change_words.argument("entry.reverse", "reason") == "写入分录的理由"
        assert change_words.place("request", "party.contact") == "申请的状态"
        assert change_words.place("until", "sharing.answer") == "使用至"


def test_whether_a_new_account_is_of_somebody_who_works_here_is_said_beside_the_digest(
    people: dict[str, User],
) -> None:
    guard, check = people["security_admin"], people["check"]
    asked = {"holder": bytes(people["entry"].staff.human_id).hex(), "account": ""}
    again = proposing.propose(guard, "staff.enrol", asked, "a second account").pk
    assert people["entry"].handle in seen(check, again) and "录入 (entry)" in seen(check, again)
    new = proposing.propose(guard, "staff.enrol", {"holder": "ab" * 32, "account": ""}, "a new colleague").pk
    assert "没有：第一个账号" in seen(check, new)
    assert "Accounts that this person has already" in seen(check, new, "en")


def test_the_days_of_a_correction_are_days_and_nobody_s_pseudonym() -> None:
    with translation.override("zh-hans"):
        told = [change_words.place(f"what.{one}", "revalue.book") for one in ("from", "to", "events")]
    assert told == ["行为首日", "行为末日", "所查看的事件"]
    with translation.override("en"):
        assert change_words.place("what.factors_after", "revalue.book") == "Factors after"
        assert change_words.place("behaviours", "sharing.answer") == "Behaviours asked about"


def test_the_trail_says_which_change_and_which_step_of_it(people: dict[str, User]) -> None:
    asked = {k: v for k, v in CAP.items() if k not in ("action", "why")} | {"max_mg": 500_000}
    proposing.propose(people["entry"], "cap.add", asked, "x")
    for language, told in (("zh", "提出 · 新增积分上限"), ("en", "Proposed · ")):
        page = browsing(people["audit_admin"], language).get("/operator/audit?what=change.").content.decode()
        assert told in page and "change.propose" in page, language
