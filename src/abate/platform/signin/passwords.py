"""Which passwords are taken, by profile. Checked against lists on this machine; no network is asked."""

from __future__ import annotations

import gzip
import threading
import zlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

from abate.platform.doors.errors import SetupError
from abate.platform.signin.policy import SignInPolicy

MOST = 128
_SHORTEST = {"asvs": 12, "dengbao3": 10}
_KINDS = 3
# What anybody tries first here; docs/explain/signing-in.md says so. The account's name and the address's are such words too.
WORDS = (
    "abate",
    "tanpuhui",
    "tanhui",
    "carbon",
    "碳普惠",
    "碳惠",
    "password",
    "passw0rd",
    "admin",
    "operator",
    "security",
    "audit",
)

REASONS = {
    "short": ("密码太短。", "It is too short."),
    "long": ("密码不得超过 128 个字符。", "It has more than 128 signs."),
    "known": ("该密码在常见或已泄露密码表中。", "It is on a list of common or leaked passwords."),
    "words": (
        "除去平台、账号、角色等名称后，剩下的部分太短。",
        "Without the names of the platform, the account and the roles, too little of it is left.",
    ),
    "handle": ("密码不得包含账号。", "It contains the account's name."),
    "kinds": (
        "须含大写字母、小写字母、数字、其他符号中的至少三种。",
        "It needs three of: capital letters, small letters, digits, other signs.",
    ),
    "again": ("不得与最近用过的密码相同。", "It was used before."),
}


def shortest(policy: SignInPolicy) -> int:
    return _SHORTEST[policy.profile]


def faults(text: str, handle: str, earlier: Iterable[str], policy: SignInPolicy) -> list[str]:
    """Codes of REASONS that speak against `text`; empty where it is taken. `earlier` are encoded passwords."""
    found = []
    if len(text) < shortest(policy):
        found.append("short")
    if len(text) > MOST:
        return [*found, "long"]
    if _is_common(text) or (not found and _is_leaked(text)):
        found.append("known")
    if handle and handle.lower() in text.lower():
        found.append("handle")
    if "short" not in found and len(_without_words(text, handle)) < shortest(policy):
        found.append("words")
    if policy.profile == "dengbao3":
        if _kinds(text) < _KINDS:
            found.append("kinds")
        if any(check_password(text, old) for old in earlier):
            found.append("again")
    return found


def _without_words(text: str, handle: str) -> str:
    host = (urlsplit(settings.ABATE_ORIGIN).hostname or "").split(".")
    left = text.lower()
    for word in sorted(
        {*WORDS, handle.lower(), *(part for part in host if len(part) > 2)}, key=len, reverse=True
    ):
        left = left.replace(word, "") if word else left
    return left


def _kinds(text: str) -> int:
    kinds = (str.isupper, str.islower, str.isdigit, lambda sign: not sign.isalnum())
    return sum(any(kind(sign) for sign in text) for kind in kinds)


_reading = threading.Lock()
_common = lru_cache(maxsize=1)(CommonPasswordValidator)


def _is_common(text: str) -> bool:
    """Whether it is on Django's list of 20,000."""
    try:
        _common().validate(text)
    except ValidationError:
        return True
    return False


def _is_leaked(text: str) -> bool:
    """Whether it is on the operator's own list, capitals or not. Read through each time, as bytes: such lists are long, are of
    many encodings and change, and passwords are set seldom. Capitals are those of ASCII. Raises SetupError.
    """
    if not settings.ABATE_LEAKED_PASSWORDS:
        return False
    wanted = text.strip().encode().lower()
    named = settings.ABATE_LEAKED_PASSWORDS
    try:
        # One at a time: a long list is seconds of work.
        with _reading, _open_list(named) as listed:
            return any(line.strip().lower() == wanted for line in listed)
    except (OSError, EOFError, zlib.error) as fault:
        raise SetupError("leaked-list", named=named, fault=fault) from None


def check_list() -> None:
    """Raises SetupError where the operator's list is named and cannot be read: without it leaked passwords would be taken."""
    if settings.ABATE_LEAKED_PASSWORDS:
        _open_list(settings.ABATE_LEAKED_PASSWORDS).close()


def _open_list(named: str) -> IO[bytes]:
    """The operator's list, one password a line, plain or gzip. Raises SetupError."""
    path = Path(named)
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        return gzip.open(path) if packed else path.open("rb")
    except OSError as fault:
        raise SetupError("leaked-list", named=named, fault=fault.strerror) from None
