"""Documents of applications: what may come in, how it lies here, how it goes out again.

They are never opened by us, only by the scanner where there is one: neither unpacked, nor converted, nor shown in a page.
What a file is, its first bytes say; its name is for people. Each lies encrypted under a key of its own, and the key under the
master key.
"""

from __future__ import annotations

import hashlib
from datetime import date
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from abate.platform.doors import clock, randomness, scanner, sealed
from abate.platform.doors.words import on_one_line
from abate.platform.joining.errors import DocumentRefused
from abate.platform.joining.kinds import kinds
from abate.platform.joining.models import Application, Document
from abate.platform.review import audit

LARGEST = 5_000_000
"""Bytes of one document: our policy."""
MOST = 40
"""Documents of one application that lie here at a time: our policy."""
LONGEST_NAME = 128
_FIRST = {b"%PDF-": "application/pdf", b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def new(application: Application, kind: str, name: str, data: bytes, valid_until: date | None) -> Document:
    """A document that is fit to be kept, encrypted; nothing is written. Raises DocumentRefused, FileHarmful,
    FileNotScanned, ScannerAway. (P-6.1-d)"""
    known = kinds().documents.get(kind)
    if known is None:
        raise DocumentRefused(f"kind: {kind[:40]}")
    check_name(name)
    if not 0 < len(data) <= LARGEST:
        raise DocumentRefused(f"size: 1 to {LARGEST:,} bytes")
    if known.dated and (valid_until is None or valid_until < clock.today()):
        raise DocumentRefused("valid_until")
    media = _media(data)
    scanner.require_clean(data)
    digest = hashlib.sha256(data).digest()
    key, nonce = randomness.token_bytes(32), randomness.token_bytes(12)
    body = nonce + AESGCM(key).encrypt(nonce, data, _bound(application.pk, digest))
    return Document(
        application=application,
        kind=kind,
        name=name,
        media=media,
        size=len(data),
        sha256=digest,
        valid_until=valid_until if known.dated else None,
        key=sealed.wrap(key, sealed.KEY),
        body=body,
        added_at=clock.now(),
    )


def opened(document: Document) -> bytes:
    """The bytes as they came, and that they were opened is told; InvalidTag where the row is not what was written."""
    audit.read("application.paper", f"{document.application_id} {document.pk}")
    text, key = bytes(document.body), sealed.unwrap(document.key, sealed.KEY)
    bound = _bound(document.application_id, bytes(document.sha256))
    return AESGCM(key).decrypt(text[:12], text[12:], bound)


def check_name(name: str) -> None:
    """A name that people know the file by, and no place. Raises DocumentRefused."""
    path = any(sign in name for sign in "/\\:\0") or name.strip(". ") == ""
    if path or not 0 < len(name) <= LONGEST_NAME or not on_one_line(name):
        raise DocumentRefused("name")


def _media(data: bytes) -> str:
    for first, media in _FIRST.items():
        if data.startswith(first):
            return media
    raise DocumentRefused("type")


def _bound(application: UUID, digest: bytes) -> bytes:
    return f"abate|joining-document|{application}|{digest.hex()}".encode()
