"""One contact has one normal form, and its representation tells nothing."""

from __future__ import annotations

import base64

import pytest

from abate.platform.people import contacts
from abate.platform.people.errors import ContactMalformed


@pytest.mark.parametrize(
    "typed", ["13800138000", "+86 138 0013 8000", "0086-138-0013-8000", "(+86)13800138000", "13800138000"]
)
def test_ways_of_writing_a_phone_are_one_phone(typed: str) -> None:
    assert contacts.normal(typed) == contacts.Reach("phone", "+8613800138000")


@pytest.mark.parametrize("typed", ["Sample@Example.COM", " sample@example.com ", "sample@example.com"])
def test_ways_of_writing_an_address_are_one_address(typed: str) -> None:
    assert contacts.normal(typed) == contacts.Reach("email", "sample@example.com")


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "",
            "12800138000",
            "1380013800",
            "138001380000",
            "+1 2025550100",
            "a@",
            "@b.cn",
            "a b@c.cn",
            "a" * 300,
        ),
        *("a@b.cn\nBcc: x@y.cn", "a@b.cn\r\n\r\nhello", "a@b.cn,x@y.cn"),
    ],
)
def test_what_is_neither_is_refused_without_repeating_it(typed: str) -> None:
    with pytest.raises(ContactMalformed) as refused:
        contacts.normal(typed)
    assert not typed or typed not in str(refused.value)


def test_the_representation_hides_the_value() -> None:
    assert "8000" not in repr(contacts.normal("13800138000"))


def test_masks() -> None:
    assert contacts.masked(contacts.normal("13800138000")) == "138****8000"
    assert contacts.masked(contacts.normal("sample@example.com")) == "s***@example.com"


def test_a_sealed_contact_opens_unchanged_only() -> None:
    sealed = contacts.seal("13800138000")
    assert contacts.unseal(sealed) == "13800138000" and contacts.seal("13800138000") != sealed
    assert b"13800138000" not in base64.urlsafe_b64decode(sealed)
    for text in ("", "?", "13800138000", sealed[:-4], ("B" if sealed[0] == "A" else "A") + sealed[1:]):
        assert contacts.unseal(text) == ""
