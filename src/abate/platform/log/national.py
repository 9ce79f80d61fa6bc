"""The operator's switch for the national algorithms: SM3 in leaves (bookkeeping/leaf.py), SM2 under heads (sm2.py)."""

from __future__ import annotations

from django.conf import settings

from abate.bookkeeping import sm2
from abate.bookkeeping.checkpoint import NoteError
from abate.bookkeeping.sm2 import Sm2Key
from abate.platform.doors.errors import SetupError
from abate.platform.doors.keyring import Keyring, keyring


def line(text: str, ring: Keyring) -> str:
    """The SM2 line under a head's text; empty where the switch is off. Raises SetupError."""
    if not settings.ABATE_LOG_SM:
        return ""
    if ring.log_sm2 is None:
        raise SetupError("sm2-no-key")
    private, public = ring.log_sm2[: sm2.PRIVATE], ring.log_sm2[sm2.PRIVATE :]
    try:
        return sm2.line(text, ring.log_origin, private, public)
    except NoteError as fault:
        raise SetupError("sm2-not-signing", code=fault.code, fault=fault) from fault


def check() -> None:
    """Sign something by SM2 where the switch is on. Raises SetupError where that cannot be."""
    line("abate\n", keyring())


def key() -> Sm2Key | None:
    """The public half of this log's SM2 key, for `abate verify --sm2-key`; None where none was made."""
    ring = keyring()
    return Sm2Key(ring.log_origin, ring.log_sm2[sm2.PRIVATE :]) if ring.log_sm2 else None
