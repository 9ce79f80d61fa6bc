"""The one door to secrets: the keys in `ABATE_SECRET_FILE`, and what is derived from them.

The file is JSON, mode 0600. `demo: true` marks the demo's file, which `abate serve` refuses. Losing the file loses
every identity and every code; it belongs in a backup of its own. What the master keys seal goes through `sealed.py`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from abate.platform.doors import clock, masters, randomness, secret_file
from abate.platform.doors.errors import SetupError
from abate.platform.doors.identity_number import normal_number

_FIELDS = ("django", "identity", "pairwise", "codes", "log_signing")


@dataclass(frozen=True, slots=True)
class Keyring:
    """Every secret of one installation. Each purpose has a key of its own, so that none can stand in for another."""

    demo: bool
    log_origin: str
    django: bytes
    identity: bytes
    pairwise: bytes
    codes: bytes
    masters: masters.Masters
    """The present one first; `sealed.py` alone takes them to seal and to open."""
    log_signing: bytes
    log_sm2: bytes | None = None
    """Private key (32 bytes) and public point (64) of the log's second signature; None until it is made."""
    oidc: str | None = None
    """The RSA key, as PEM, that signs who somebody is to a partner (OpenID Connect); None until it is made."""

    former_django: bytes | None = None
    """What signed forms and sessions before the last exchange, and is taken still; None where there was none, or it leaked."""
    push: str | None = None
    """The P-256 key, as PEM, by which push services know who sends to browsers (RFC 8292); None until it is made."""

    def identity_hmac(self, value: str) -> bytes:
        """Keyed digest of an identity or contact: unique to compare, useless without the key."""
        return hmac.digest(self.identity, value.encode(), hashlib.sha256)

    def number_hmac(self, number: str) -> bytes:
        """Keyed digest of an identity number, the same however it is written; of a person and of the staff alike."""
        return self.identity_hmac(normal_number(number))

    def pairwise_subject(self, party_code: str, person: str) -> str:
        """The name by which one party knows one person; two parties' names for a person cannot be joined."""
        tag = hmac.digest(self.pairwise, f"{party_code}\x00{person}".encode(), hashlib.sha256)
        return base64.b32encode(tag[:20]).decode().lower()

    def code_hmac(self, code: str) -> bytes:
        return hmac.digest(self.codes, code.encode(), hashlib.sha256)


def create(path: Path, *, demo: bool = False, log_origin: str = "abate.invalid/log") -> None:
    """Write a new secret file, all or nothing; never over an existing one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = {name: base64.b64encode(randomness.token_bytes(32)).decode() for name in _FIELDS}
    first = masters.Master(randomness.token_bytes(32), masters.PRESENT, clock.now().isoformat())
    document = {"version": 1, "demo": demo, "log_origin": log_origin, **made, **masters.written((first,))}
    secret_file.write_new(path, json.dumps(document, indent=2))


def name_log(path: Path, log_origin: str) -> None:
    """Give the log its name, all or nothing. Only before anything is in the log: receipts carry the name for ever."""
    _change(path, lambda _: {"log_origin": log_origin})


def add_sm2(path: Path, key: bytes) -> None:
    """Write the log's SM2 key into an existing secret file, all or nothing. Raises SetupError where one is there."""

    def more(held: Keyring) -> dict[str, Any]:
        if held.log_sm2 is not None:
            raise SetupError("sm2-key-there", path=path)
        return {"log_sm2": base64.b64encode(key).decode()}

    _change(path, more)


def ensure_oidc(path: Path) -> None:
    """Make the key of the OpenID provider where the file has none yet."""
    if read(path).oidc is None:
        made = _pem(rsa.generate_private_key(public_exponent=65537, key_size=3072))
        _change(path, lambda held: {} if held.oidc else {"oidc": made})


def ensure_push(path: Path) -> None:
    """Make the key for notices to browsers where the file has none yet."""
    if read(path).push is None:
        made = _pem(ec.generate_private_key(ec.SECP256R1()))
        _change(path, lambda held: {} if held.push else {"push": made})


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def exchange_django(path: Path, *, leaked: bool) -> None:
    """Another key for forms, sessions and links; what the one of before signed holds on unless it `leaked`."""
    made = base64.b64encode(randomness.token_bytes(32)).decode()

    def more(held: Keyring) -> dict[str, Any]:
        former = None if leaked else base64.b64encode(held.django).decode()
        return {"django": made, "former_django": former}

    _change_running(path, more)


def keep_masters(path: Path, kept: masters.Masters) -> None:
    """Write which masters there are into an existing secret file, all or nothing. Raises SetupError."""
    _change_running(path, lambda _: masters.written(kept))


def _change_running(path: Path, more: Callable[[Keyring], Mapping[str, Any]]) -> None:
    """`_change` on a running installation. Raises SetupError where the file cannot be written."""
    try:
        _change(path, more)
    except OSError as fault:
        raise SetupError("secret-file-not-written", path=path, strerror=fault.strerror) from fault


def _change(path: Path, more: Callable[[Keyring], Mapping[str, Any]]) -> None:
    """Write into an existing file what `more` of it gives, all or nothing, while no other process reads it to change it.

    What a link names is written, not the link.
    """
    with secret_file.held(path.resolve()) as there:
        if fields := more(read(there)):
            secret_file.replace(there, json.dumps(json.loads(there.read_text()) | dict(fields), indent=2))


def read(path: Path) -> Keyring:
    """Read a secret file; raises SetupError naming what is wrong with it and what to do."""
    try:
        mode = path.stat().st_mode & 0o077
        document = json.loads(path.read_text())
        keys = {name: base64.b64decode(document[name], validate=True) for name in _FIELDS}
        held = masters.read(document)
        former = base64.b64decode(document.get("former_django") or "", validate=True) or None
        second = base64.b64decode(document["log_sm2"], validate=True) if "log_sm2" in document else None
    except FileNotFoundError:
        raise SetupError("secret-file-missing", path=path) from None
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise SetupError("secret-file-unreadable", path=path, fault=repr(fault)) from fault
    if mode:
        raise SetupError("secret-file-open", path=path, mode=f"{mode:03o}")
    every = [*keys.values(), *(one.key for one in held), *([former] if former else [])]
    if any(len(key) != 32 for key in every) or len(second or bytes(96)) != 96:
        raise SetupError("secret-file-length", path=path)
    return Keyring(
        demo=bool(document.get("demo")),
        log_origin=str(document["log_origin"]),
        masters=held,
        former_django=former,
        log_sm2=second,
        oidc=document.get("oidc"),
        push=document.get("push"),
        **keys,
    )


@lru_cache(maxsize=1)
def _cached(path: str, changed: int, number: int) -> Keyring:
    return read(Path(path))


def keyring() -> Keyring:
    """The installation's keys, read again when the file changes."""
    from django.conf import settings  # lazy: settings itself reads this file while Django starts

    path = Path(settings.ABATE_SECRET_FILE)
    try:
        found = path.stat()
    except FileNotFoundError:
        return _cached(str(path), 0, 0)
    return _cached(str(path), found.st_mtime_ns, found.st_ino)


def reread() -> Keyring:
    """The keys as the file has them now, whatever its time says: a disk may keep it to the second only."""
    _cached.cache_clear()
    return keyring()
