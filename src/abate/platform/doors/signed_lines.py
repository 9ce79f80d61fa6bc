"""A message that both sides hold one key for: one line of JSON and one line with its HMAC-SHA256, in hexadecimal digits."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

from abate.platform.doors.errors import SetupError

_KEY_BYTES = 32


def signed(told: dict[str, object], key: bytes) -> bytes:
    """One line of JSON and one of its HMAC-SHA256."""
    line = json.dumps(told, ensure_ascii=False).encode()
    return line + b"\n" + hmac.digest(key, line, hashlib.sha256).hex().encode() + b"\n"


def opened(message: bytes, key: bytes) -> dict[str, object] | None:
    """What a signed message says; None where it is not one."""
    line, _, mac = message.rstrip(b"\n").partition(b"\n")
    if not hmac.compare_digest(hmac.digest(key, line, hashlib.sha256).hex().encode(), mac):
        return None
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def setting(name: str, address: str | None, path: str | None) -> tuple[str, bytes]:
    """(address, key) as `name`_URL and `name`_KEY give them. Raises SetupError where they cannot be used."""
    near = (address or "").startswith(("http://127.0.0.1:", "http://localhost:"))
    try:
        key = bytes.fromhex(Path(path or "").read_text().strip())
    except (OSError, ValueError):
        key = b""
    if len(key) != _KEY_BYTES or not ((address or "").startswith("https://") or near):
        raise SetupError("signed-lines", name=name)
    return str(address), key
