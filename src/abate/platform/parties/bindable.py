"""What must hold before a party's app may ask people to bind their accounts (OpenID Connect)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from abate.platform.parties.errors import GrantMissing, RedirectUnfit
from abate.platform.parties.models import Party


def checked(party: Party, redirects: Iterable[str]) -> list[str]:
    """The addresses that people may be sent back to, where `party` may ask at all. Raises GrantMissing, RedirectUnfit.

    What people agree to is which behaviours are sent of them. With the key of a party that can send none nobody could agree
    to anything, and it would never learn a subject. (P-6.2-types)
    """
    if Party.Grant.DATA not in party.grants:
        raise GrantMissing(Party.Grant.DATA)
    return _redirects(redirects)


def _redirects(redirects: Iterable[str]) -> list[str]:
    """One to ten addresses with TLS, none with a fragment or a pattern; sorted, none twice. Raises RedirectUnfit."""
    found = sorted(set(redirects))
    for one in found:
        try:
            parts = urlsplit(one)
            here = parts.hostname in ("127.0.0.1", "localhost", "::1") and parts.scheme == "http"
            plain = (
                one.isascii()
                and one.isprintable()
                and not set(" *\\#") & set(one)
                and "@" not in parts.netloc
            )
            sound = bool(parts.hostname) and (parts.scheme == "https" or here) and plain and len(one) <= 500
        except ValueError:
            sound = False
        if not sound:
            raise RedirectUnfit(one[:80])
    if not 1 <= len(found) <= 10:
        raise RedirectUnfit(str(len(found)))
    return found
