"""A shop seats somebody at its till: from the invitation to the first code that they burn, and its end, on phones."""

from __future__ import annotations

from uuid import uuid4

import pytest
from tests.browser.test_every_page import SIZES, Everywhere, look
from tests.browser.test_joining_path import press
from tests.browser.test_passkeys import authenticator
from tests.platform.web import city as stage

from abate.demo import desk
from abate.platform.incentives import actions as incentives
from abate.platform.incentives import queries as codes
from abate.platform.parties import actions
from abate.platform.review import actions as review

pytestmark = [pytest.mark.browser, pytest.mark.platform, pytest.mark.slow]


@pytest.mark.clause("P-6.2-types", "P-7.5.3-2")
def test_from_the_invitation_to_the_first_code(city, visit, shots) -> None:
    keeper, clerk = review.create_user("staff", made_up=True), desk.hire("made-up clerk", "entry")
    actions.add_member(keeper, city.cafe, "partner")
    actions.remove_member(city.cashier, city.cafe, "acceptor")
    everywhere = Everywhere(visit, shots, shop=keeper, clerk=clerk)
    every = everywhere.look
    every("shop", "/partner/tills", "tills-first")
    every("clerk", "/operator/tills", "tills-operator-none")
    actions.add_member(city.cashier, city.cafe, "acceptor")
    shop, phone = everywhere.windows[360, "zh", "shop"], visit(360, "zh-CN")
    shop.go("/partner")
    shop.page.get_by_role("link", name="收银员", exact=True).click()
    shop.page.fill("#name", "Till 1")
    shop.page.fill("#number", stage.AT_TILL)
    shop.page.get_by_role("button", name="生成邀请链接").click()
    link = shop.page.locator("#link").inner_text()
    look(shop, "360-zh-tills-link", shots)
    for width, language in SIZES:
        # Each looks at the same page of a link of its own; they are ended again below.
        window = everywhere.windows[width, language, "shop"]
        window.go("/partner/tills")
        window.page.fill("#name", "Second counter, to the left of the door")
        window.page.fill("#number", stage.AT_TILL)
        press(window, "button[value=invite]")
        look(window, f"{width}-{language}-tills-made", shots)
        there = window.page.locator("#link").inner_text().removeprefix(window.address)
        guest = visit(width, "zh-CN" if language == "zh" else "en-GB")
        assert guest.go(there) == 200
        look(guest, f"{width}-{language}-till", shots)
        assert guest.complaints == []

    # A passkey belongs to a name; a bare number is none.
    there, phone.address = link.removeprefix(phone.address), phone.address.replace("127.0.0.1", "localhost")
    authenticator(phone)
    assert phone.go(there) == 200
    press(phone, "main form button")
    assert phone.page.url.endswith("/acceptor")
    look(phone, "360-zh-till-entered", shots)
    desk.adjust(city.person.pk, 1_000, "opening")
    phone.page.fill("#code", incentives.redeem(city.person, city.offer, uuid4()).text)
    press(phone, "main form button:not([name])")
    assert phone.page.locator(".note-box.good").count() == 1
    look(phone, "360-zh-till-burnt", shots)
    assert len(codes.burnt_today(city.cafe.pk)) == 1

    # The next day: without a name or a password, on the device that made the passkey.
    phone.page.get_by_role("link", name="添加通行密钥").click()
    phone.page.locator("form[data-passkey] button").click()
    phone.page.wait_for_url("**/security")
    look(phone, "360-zh-till-security", shots)
    phone.page.context.clear_cookies()
    phone.go("/acceptor")
    phone.go("/sign-in/passkey")
    phone.page.locator("form[data-passkey] button").click()
    phone.page.wait_for_url("**/acceptor")
    assert phone.page.get_by_role("link", name="添加通行密钥").count() == 0

    every("shop", "/partner/tills", "tills")
    every("clerk", "/operator/tills?party=sample-cafe", "tills-operator")
    shop.go("/partner/tills")
    assert shop.page.get_by_text("今日 1 次").count() == 1
    press(shop, 'button:has-text("立即停用")')
    every("shop", "/partner/tills", "tills-ended")
    phone.go("/acceptor")
    assert "/sign-in" in phone.page.url
    phone.go(there)
    look(phone, "360-zh-till-spent", shots)
    assert everywhere.complaints() == []
    assert [one for one in phone.complaints if "the server responded with" not in one] == []
