"""An acceptor's own people at the till: invited by it, let in once, ended at once; and nobody else's business."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from tests.platform.incentives.conftest import at_once  # noqa: F401 (a fixture)
from tests.platform.joining import applicants
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.config import fields
from abate.platform.doors import clock
from abate.platform.doors.errors import Problem
from abate.platform.incentives import actions as incentives
from abate.platform.incentives import queries as codes
from abate.platform.parties import actions, queries, standing, tills
from abate.platform.parties.models import Member, Party, Till, Use
from abate.platform.review import actions as review
from abate.platform.review.models import Audit, SignInLink, User
from abate.platform.signin import proofs

pytestmark = [pytest.mark.platform, pytest.mark.django_db, pytest.mark.clause("P-6.2-types", "P-7.5.3-2")]
Enter = Callable[..., Client]
TILLS = "/partner/tills"
LINK = re.compile(r'id="link">https?://[^/<]+(/[^<]+)<')


@pytest.fixture
def keeper(city: stage.City) -> User:
    """The shop's own person, on its page."""
    return keeper_of(city.cafe)


def keeper_of(party: Party) -> User:
    user = review.create_user("staff", made_up=True)
    actions.add_member(user, party, "partner")
    return user


def link_in(answer: Any) -> str:
    """The path of the link that a page shows this once."""
    found = LINK.search(answer.content.decode())
    assert answer.status_code == 200 and found, answer.content.decode()[:2000]
    return found[1]


def invited(browser: Client, name: str) -> str:
    return link_in(browser.post(TILLS, {"step": "invite", "name": name, "number": stage.AT_TILL}))


def voucher(city: stage.City) -> str:
    if not codes.my_codes(city.person):
        desk.adjust(city.person.pk, 3_000, "opening")
    return incentives.redeem(city.person, city.offer, uuid4()).text


def refusal(attempt: Callable[[], object]) -> str:
    with pytest.raises(Problem) as refused:
        attempt()
    return refused.value.code


def test_from_the_invitation_to_the_first_code(city: stage.City, keeper: User, enter: Enter) -> None:
    shop, phone = enter(keeper, "en"), Client(headers={"accept-language": "en"})
    path = invited(shop, "  一号收银台 ")
    token = path.rsplit("/", 1)[1]
    # Kept as a keyed digest only, and shown once.
    assert token.encode() not in bytes(Till.objects.get().digest or b"") and len(token) == 32
    page = shop.get(TILLS).content.decode()
    assert token not in page and "一号收银台" in page and "Open invitations" in page
    # A preview opens it; nothing is spent.
    for _ in range(2):
        assert "Start" in phone.get(path).content.decode()
    assert Till.objects.get().user_id is None
    assert phone.post(path)["Location"] == "/" and phone.get("/")["Location"] == "/acceptor"
    user = Till.objects.get().user
    assert user is not None
    seats = list(Member.objects.filter(user=user).values_list("party__code", "role"))
    assert seats == [("sample-cafe", "acceptor")] and not user.has_usable_password()
    burnt, back = voucher(city), voucher(city)
    assert "Burnt" in phone.post("/acceptor", {"code": burnt}).content.decode()
    given = phone.post("/acceptor", {"code": back, "step": "back", "reason": "none left"})
    assert 'id="given-back"' in given.content.decode()
    # Which till it was stands in the trail, of both.
    rows = Audit.objects.filter(
        what__in=("code.burn", "code.give-back"), account=user.handle, role="acceptor"
    )
    assert sorted(rows.values_list("what", flat=True)) == ["code.burn", "code.give-back"]
    # And on the party's page, by till.
    incentives.burn(city.cashier, voucher(city))
    page = shop.get(TILLS).content.decode()
    assert page.count("1 today") == 2 and "Seated by the operator" in page and "Open invitations" not in page
    assert codes.burnt_today_by(city.cafe.pk) == {user.pk: 1, city.cashier.pk: 1}
    assert set(codes.last_burnt_by([user.pk, keeper.pk])) == {user.pk}
    told = Audit.objects.filter(what__startswith="till.").order_by("id").values_list("what", "account")
    assert list(told) == [("till.invite", keeper.handle), ("till.take", "")]


def test_a_till_sees_its_till_and_its_own_sign_in(city: stage.City, enter: Enter) -> None:
    browser = enter(tills.take(tills.invite(city.cafe, "1", stage.AT_TILL)[1]))
    for path, status in (("/acceptor", 200), ("/security", 200), ("/feed", 403), ("/operator", 403),
                         (TILLS, 403), ("/partner", 403), ("/joining", 403), ("/operator/tills", 403)):  # fmt: skip
        assert browser.get(path).status_code == status, path
    assert browser.post(TILLS, {"step": "invite", "name": "2", "number": stage.AT_TILL}).status_code == 403
    assert browser.post(f"{TILLS}/end", {"till": "1"}).status_code == 403
    assert Till.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_who_open_one_link_one_has_the_seat(city: stage.City, at_once) -> None:  # noqa: F811
    _, token = tills.invite(city.cafe, "1", stage.AT_TILL)
    users, seats = User.objects.count(), Member.objects.count()
    found = at_once([lambda: tills.take(token)] * 16)
    assert Counter(found) == {"done": 1, "till-link-spent": 15}
    assert (User.objects.count(), Member.objects.count()) == (users + 1, seats + 1)


def test_a_link_that_is_no_good_gets_one_answer(city: stage.City) -> None:
    (_, taken), (ended, gone), (_, late) = (tills.invite(city.cafe, str(n), stage.AT_TILL) for n in range(3))
    tills.take(taken)
    tills.end(ended.pk, city.cafe.pk)
    users, answers = User.objects.count(), set()
    with clock.frozen(clock.now() + timedelta(hours=24)):
        for token in (taken, gone, late, "never-given", "x" * 5_000, "零"):
            for method in ("get", "post"):
                answer = getattr(Client(), method)(f"/till/{token}")
                answers.add(
                    (answer.status_code, "这个邀请链接已使用、已停用或已过期" in answer.content.decode())
                )
    assert answers == {(404, True)} and User.objects.count() == users


def test_a_seat_ends_at_once_with_its_sessions(city: stage.City, keeper: User, enter: Enter) -> None:
    shop, phone = enter(keeper, "en"), Client()
    phone.post(invited(shop, "1"))
    till = Till.objects.get()
    assert phone.get("/acceptor").status_code == 200 and till.user is not None
    incentives.burn(till.user, voucher(city))
    again = link_in(shop.post(TILLS, {"step": "link", "till": till.pk}))
    assert shop.post(f"{TILLS}/end", {"till": till.pk})["Location"] == TILLS
    assert phone.get("/acceptor")["Location"].startswith("/sign-in")
    # Nor does a link that was made before let them in again.
    assert Client().post(again).status_code == 403
    assert not Member.objects.filter(user=till.user).exists()
    assert refusal(lambda: incentives.burn(till.user, voucher(city))) == "not-acceptor"
    # What they burnt today still has their name.
    page = shop.get(TILLS).content.decode()
    assert "Ended since they burnt today" in page and "At the till</h2>" in page
    # Twice is once, and is said.
    assert shop.post(f"{TILLS}/end", {"till": till.pk}).status_code == 404


def test_the_holder_signs_in_again_by_a_new_link(city: stage.City, keeper: User, enter: Enter) -> None:
    shop = enter(keeper)
    Client().post(invited(shop, "1"))
    till, phone = Till.objects.get(), Client()
    path = link_in(shop.post(TILLS, {"step": "link", "till": till.pk}))
    assert path.startswith("/sign-in/link/") and phone.post(path).status_code == 302
    page = phone.get("/acceptor").content.decode()
    assert phone.session["_auth_user_id"] == str(till.user_id) and "/security/passkey" in page
    assert Client().post(path).status_code == 403


def test_a_tills_account_is_nothing_else(city: stage.City, keeper: User, enter: Enter) -> None:
    user = tills.take(tills.invite(city.cafe, "1", stage.AT_TILL)[1])
    browser = enter(user)
    # No password: a handle that nobody knows and a secret that a counter shares would be the weakest way in.
    assert browser.get("/security/password")["Location"] == "/security"
    assert "/security/password" not in browser.get("/security").content.decode()
    assert "/security/password" in enter(keeper).get("/security").content.decode()
    browser.post("/security/password", {"password": "long enough to be one 7"})
    user.refresh_from_db()
    assert not user.has_usable_password()
    # No role of the operator's and no second seat, whoever would decide it.
    for change, given in (
        ("role.grant", {"account": user.handle, "role": "query"}),
        ("party.member", {"code": city.partner.code, "account": user.handle, "role": "partner"}),
        ("staff.enrol", {"holder": "0" * 64, "account": user.handle, "made_up": True}),
    ):
        assert refusal(lambda c=change, g=given: desk.decide(c, **g))
    assert Member.objects.filter(user=user).count() == 1 and not user.grants.exists()
    # A quiet hour at the counter signs nobody out; a longer one does.
    with clock.frozen(clock.now() + timedelta(minutes=59)):
        assert browser.get("/acceptor").status_code == 200
    with clock.frozen(clock.now() + timedelta(minutes=120)):
        assert browser.get("/acceptor").status_code == 302


def test_another_partys_tills_are_not_there(city: stage.City, enter: Enter) -> None:
    other = desk.create_party("sample-tea", "merchant", "示例茶店", "Sample Tea", made_up=True)
    browser = enter(keeper_of(other))
    seat, token = tills.invite(city.cafe, "secret-name", stage.AT_TILL)
    user = tills.take(token)
    links = SignInLink.objects.count()
    assert "secret-name" not in browser.get(TILLS).content.decode()
    for number in (seat.pk, 10**18, "-1", "x", "", "٣"):
        assert browser.post(f"{TILLS}/end", {"till": number}).status_code == 404, number
        assert browser.post(TILLS, {"step": "link", "till": number}).status_code == 404, number
    assert browser.get("/acceptor").status_code == 403
    assert queries.is_member(user, city.cafe.pk, "acceptor") and SignInLink.objects.count() == links
    # Neither the codes: one of the café's is unknown at the tea shop's till.
    waiter = tills.take(tills.invite(other, "1", stage.AT_TILL)[1])
    assert refusal(lambda: incentives.burn(waiter, voucher(city))) == "code-unknown"


def test_who_burns_no_codes_and_who_is_not_admitted_have_none(city: stage.City, enter: Enter) -> None:
    sender = enter(keeper_of(city.partner), "en")
    assert sender.get(TILLS).status_code == 404
    assert sender.post(TILLS, {"step": "invite", "name": "1", "number": stage.AT_TILL}).status_code == 404
    assert sender.post(f"{TILLS}/end", {"till": 1}).status_code == 404
    assert TILLS not in sender.get("/partner").content.decode()
    assert TILLS in enter(keeper_of(city.cafe)).get("/partner").content.decode()
    waiting = enter(applicants.draft(kind="merchant").user)
    assert waiting.get(TILLS).status_code == 403
    assert waiting.post(TILLS, {"step": "invite", "name": "1", "number": stage.AT_TILL}).status_code == 403
    assert not Till.objects.exists()


def test_inviting_asks_who_it_is_and_ending_does_not(city: stage.City, keeper: User) -> None:
    browser = Client()
    browser.force_login(keeper, backend="django.contrib.auth.backends.ModelBackend")
    seat, _ = tills.invite(city.cafe, "1", stage.AT_TILL)
    for given in (
        {"step": "invite", "name": "2", "number": stage.AT_TILL},
        {"step": "link", "till": str(seat.pk)},
    ):
        assert browser.post(TILLS, given)["Location"].startswith("/confirm")
    assert Till.objects.count() == 1
    assert browser.post(f"{TILLS}/end", {"till": seat.pk})["Location"] == TILLS
    assert tills.of_party(city.cafe.pk)[0].id is None
    # A link that lies in a mailbox is no fresh proof.
    session = browser.session
    proofs.note(session, proofs.LINK)
    session.save()
    assert browser.post(TILLS, {"step": "invite", "name": "2", "number": stage.AT_TILL})[
        "Location"
    ].startswith("/confirm")


@pytest.mark.parametrize("name", ["", "   ", "x" * 41, "a\nb", "a\x07b", "a\u202eb"])
def test_a_name_is_one_line(city: stage.City, keeper: User, enter: Enter, name: str) -> None:
    browser = enter(keeper, "en")
    answer = browser.post(TILLS, {"step": "invite", "name": name, "number": stage.AT_TILL})
    assert answer.status_code == 422 and "nobody was invited" in answer.content.decode()
    assert browser.post(TILLS, {"step": "burn"}).status_code == 422
    assert not Till.objects.exists()


def test_names_are_shown_as_they_are(city: stage.City, keeper: User, enter: Enter) -> None:
    hostile = "<script>alert(1)</script>王"
    path = invited(enter(keeper), hostile)
    for page in (
        enter(keeper).get(TILLS),
        Client().get(path),
        enter(desk.staffed()["entry"]).get("/operator/tills?party=sample-cafe"),
    ):
        assert "&lt;script&gt;alert(1)&lt;/script&gt;王" in page.content.decode()


def test_tills_and_links_are_bounded(city: stage.City, settings: Any) -> None:
    settings.ABATE_TILLS_PER_PARTY = 3
    first, token = tills.invite(city.cafe, "1", stage.AT_TILL)
    tills.take(token)
    tills.invite(city.cafe, "2", stage.AT_TILL)
    third, _ = tills.invite(city.cafe, "3", stage.AT_TILL)
    assert refusal(lambda: tills.invite(city.cafe, "4", stage.AT_TILL)) == "tills-full"
    # One that ended makes room; but a day's links are used up, whatever for.
    tills.end(third.pk)
    assert refusal(lambda: tills.invite(city.cafe, "4", stage.AT_TILL)) == "limit-reached"
    assert refusal(lambda: tills.link(city.cafe, first.pk)) == "limit-reached"
    with clock.frozen(clock.now() + timedelta(hours=25)):
        # The second invitation has run out and takes no room either.
        for name in ("4", "5"):
            tills.invite(city.cafe, name, stage.AT_TILL)
        assert refusal(lambda: tills.invite(city.cafe, "6", stage.AT_TILL)) == "tills-full"
        assert [row.name for row in tills.of_party(city.cafe.pk)] == ["1", "4", "5", ""]


@pytest.mark.django_db(transaction=True)
def test_the_bound_holds_for_many_at_once(city: stage.City, at_once, settings: Any) -> None:  # noqa: F811
    settings.ABATE_TILLS_PER_PARTY = 5
    for _ in range(3):
        tills.take(tills.invite(city.cafe, "1", stage.AT_TILL)[1])
    # Five links more may be made today, and there is room for two.
    Use.objects.all().delete()
    found = at_once([lambda n=n: tills.invite(city.cafe, f"other {n}", stage.AT_TILL) for n in range(16)])
    assert Counter(found) == {"done": 2, "tills-full": 14} and Till.objects.count() == 5


@pytest.mark.parametrize("how", ["suspended", "documents"])
def test_a_party_that_may_not_take_part_has_no_tills_and_they_are_told_why(
    city: stage.City,
    keeper: User,
    enter: Enter,
    how: str,
) -> None:
    _, token = tills.invite(city.cafe, "1", stage.AT_TILL)
    browser = enter(tills.take(token), "en")
    _, waiting = tills.invite(city.cafe, "2", stage.AT_TILL)
    code = voucher(city)
    assert browser.get("/acceptor").status_code == 200
    if how == "suspended":
        actions.suspend(city.cafe)
    else:
        standing.set_validity(city.cafe, clock.today() - timedelta(days=1))
    why, words = {
        "suspended": ("party-suspended", "This party is suspended"),
        "documents": ("party-documents-expired", "has passed its date"),
    }[how]
    assert browser.get("/")["Location"] == "/acceptor"
    for answer in (browser.get("/acceptor"), browser.post("/acceptor", {"code": code})):
        assert answer.status_code == 403 and words in answer.content.decode()
    assert codes.burnt_today(city.cafe.pk) == []
    assert enter(keeper).get(TILLS).status_code == 403
    assert refusal(lambda: tills.invite(Party.objects.get(pk=city.cafe.pk), "3", stage.AT_TILL)) == why
    assert refusal(lambda: tills.link(Party.objects.get(pk=city.cafe.pk), 1)) == why
    assert words in Client(headers={"accept-language": "en"}).post(f"/till/{waiting}").content.decode()
    assert Till.objects.filter(user__isnull=False).count() == 1
    # It is only kept out: let in again, the till burns.
    standing.set_validity(city.cafe, None)
    actions.resume(city.cafe)
    assert "Burnt" in browser.post("/acceptor", {"code": code}).content.decode()


def test_a_party_that_leaves_leaves_nobody_at_its_tills(city: stage.City, enter: Enter) -> None:
    user = tills.take(tills.invite(city.cafe, "1", stage.AT_TILL)[1])
    _, waiting = tills.invite(city.cafe, "2", stage.AT_TILL)
    browser = enter(user)
    standing.leave(city.cafe)
    assert browser.get("/acceptor").status_code == 302
    assert Client().post(f"/till/{waiting}").status_code == 404
    user.refresh_from_db()
    assert not user.is_active and [row.id for row in tills.of_party(city.cafe.pk)] == [None]


def test_an_invitation_that_runs_out_meanwhile_keeps_no_party_from_leaving(
    city: stage.City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: all are listed, and one has run out before it is held."""
    tills.invite(city.cafe, "1", stage.AT_TILL)
    monkeypatch.setattr(tills, "_open", lambda party_id, _: Till.objects.filter(party_id=party_id))
    with clock.frozen(clock.now() + timedelta(hours=25)):
        user = tills.take(tills.invite(city.cafe, "2", stage.AT_TILL)[1])
        standing.leave(city.cafe)
    user.refresh_from_db()
    city.cafe.refresh_from_db()
    assert city.cafe.status == Party.Status.LEFT and not user.is_active


def test_the_operator_sees_tills_and_ends_one(city: stage.City, enter: Enter) -> None:
    seat, token = tills.invite(city.cafe, "王店员", stage.AT_TILL)
    user = tills.take(token)
    tills.invite(city.cafe, "二号", stage.AT_TILL)
    staff, path = desk.staffed(), "/operator/tills?party=sample-cafe"
    clerk, guard = enter(staff["entry"], "en"), enter(desk.hire("made-up guard", "security_admin"), "en")
    assert "王店员" in clerk.get(path).content.decode() and "Invited" in clerk.get(path).content.decode()
    # A name is a person's: whoever is shown none sees which till it is.
    assert (
        "王店员" not in guard.get(path).content.decode()
        and f'Till <span class="num">{seat.pk}' in guard.get(path).content.decode()
    )
    assert "sample-app" not in clerk.get("/operator/tills").content.decode()
    assert "王店员" not in clerk.get("/operator/tills?party=sample-app").content.decode()
    for role in ("check", "approve"):
        assert enter(staff[role]).get(path).status_code == 200
        assert enter(staff[role]).post("/operator/tills/end", {"till": seat.pk}).status_code == 403
    assert guard.post("/operator/tills/end", {"till": "0"}).status_code == 404
    assert queries.is_member(user, city.cafe.pk, "acceptor")
    assert guard.post("/operator/tills/end", {"till": seat.pk})["Location"] == path
    assert not Member.objects.filter(user=user).exists()
    assert Audit.objects.get(what="till.end").subject == str(seat.pk)


def test_what_is_over_is_not_kept(city: stage.City) -> None:
    (kept, token), (over, _) = (
        tills.invite(city.cafe, "1", stage.AT_TILL),
        tills.invite(city.cafe, "2", stage.AT_TILL),
    )
    tills.take(token)
    with clock.frozen(clock.now() + timedelta(days=32)):
        assert fields.retain()["parties_till"] == 1
    assert list(Till.objects.values_list("pk", flat=True)) == [kept.pk] and over.pk != kept.pk


def test_a_step_back_finds_what_ended_since(city: stage.City) -> None:
    (seat, token), (ended, _), (waiting, _) = (
        tills.invite(city.cafe, str(n), stage.AT_TILL) for n in range(3)
    )
    tills.take(token)
    tills.end(ended.pk)
    assert tills.open_of([seat.pk, ended.pk, waiting.pk]) == [seat.pk, waiting.pk]
