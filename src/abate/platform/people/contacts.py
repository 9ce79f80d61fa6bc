"""Phones and e-mail addresses: one normal form each, so that one contact has one keyed digest."""

from __future__ import annotations

import base64
import re
import unicodedata
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from abate.platform.doors import sealed
from abate.platform.notices.queries import Place
from abate.platform.people.errors import ContactMalformed

_SEAL = b"abate-session-contact"
_MOBILE = re.compile(r"(?:\+?86|0086)?(1[3-9][0-9]{9})")


@dataclass(frozen=True, slots=True)
class Reach:
    """A contact in its normal form; `kind` is `phone` (E.164) or `email`. Its repr hides the value."""

    kind: str
    value: str = field(repr=False)


def normal(contact: str) -> Reach:
    """Read what a person typed. Raises ContactMalformed, which does not repeat it.

    E-mail: the case of both parts is dropped; a mail server may tell `A@` from `a@`, but people type both.
    """
    text = unicodedata.normalize("NFKC", contact).strip()
    if len(text) > 254:
        raise ContactMalformed
    if "@" in text:
        value = text.lower()
        try:
            validate_email(value)
        except ValidationError:
            raise ContactMalformed from None
        return Reach("email", value)
    if match := _MOBILE.fullmatch(re.sub(r"[\s()-]", "", text)):
        return Reach("phone", f"+86{match[1]}")
    raise ContactMalformed


def masked(reach: Reach) -> str:
    """Enough to recognise one's own contact, too little for anyone else."""
    if reach.kind == "phone":
        return f"{reach.value[3:6]}****{reach.value[-4:]}"
    local, _, domain = reach.value.partition("@")
    return f"{local[0]}***@{domain}"


def place(reach: Reach) -> Place:
    """Where a notice goes to reach somebody here."""
    return Place(reach.kind, reach.value, masked(reach))


def seal(contact: str) -> str:
    """Encrypt a contact for a session: sessions are rows too, and no row names a person in clear."""
    return base64.urlsafe_b64encode(sealed.seal(contact, _SEAL)).decode()


def unseal(text: str) -> str:
    """What `seal` was given; empty where the text is not one of its own."""
    try:
        return sealed.unseal(base64.urlsafe_b64decode(text), _SEAL) or ""
    except ValueError:
        return ""
