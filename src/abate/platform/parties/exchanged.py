"""Which token a binding's code was exchanged for, so that a code brought twice ends it (RFC 6749, 4.1.2)."""

from __future__ import annotations

from allauth.idp.oidc.adapter import get_adapter
from allauth.idp.oidc.models import Token
from django.conf import settings
from django.core.cache import cache
from django.db import transaction

from abate.platform.review import audit


def note(client_id: str, code: str, token: str) -> None:
    """Remember the digest of `token`, for as long as it lasts."""
    digest = get_adapter().hash_token(token)
    cache.set(_name(client_id, code), digest, timeout=settings.IDP_OIDC_ACCESS_TOKEN_EXPIRES_IN)


def end(client_id: str, code: str) -> None:
    """The code came again: whoever has its token may be a thief. Nothing where it was never exchanged."""
    with transaction.atomic():
        digest = cache.get(_name(client_id, code))
        if digest is None:
            return
        cache.delete(_name(client_id, code))
        Token.objects.filter(client_id=client_id, hash=digest).delete()
        audit.note("party.code-again", client_id)


def _name(client_id: str, code: str) -> str:
    return f"abate.exchanged[{client_id}:{code}]"
