"""Signed requests (RFC 9421) with the digest of their content (RFC 9530): who sends them is proved by a private key that
never left the party. The construction is http-message-signatures'; here stands what is asked of a signature.

It covers the method, the whole address and the digest; it names its key, its moment, a nonce used once, and as `tag` the
origin that it is meant for, so that one made for another installation is refused by name.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.conf import settings
from django.db import connection
from http_message_signatures import HTTPMessageVerifier, InvalidSignature, algorithms
from http_message_signatures.digests import ContentDigest

from abate.platform.doors import clock
from abate.platform.parties.errors import (
    PublicKeyUnfit,
    SignatureAudience,
    SignatureDigest,
    SignatureInvalid,
    SignatureReplayed,
    SignatureStale,
    SignatureUncovered,
)
from abate.platform.parties.models import PublicKey

VALID = timedelta(minutes=5)
"""Our policy: how far `created` may lie from our clock when a request comes, either way; a nonce is remembered for as long."""
COVERED = ("@method", "@target-uri")
LEAST_RSA = 3072


@dataclass(frozen=True, slots=True)
class Signed:
    """A request as the library reads it."""

    method: str
    url: str
    headers: Mapping[str, str]


class _Verifier(HTTPMessageVerifier):
    """The library's, with the moment at which the request came and our words for what is late."""

    def __init__(self, at: datetime, **given: Any) -> None:
        super().__init__(**given)
        self._at = at.timestamp()

    def validate_created_and_expires(self, sig_input: Any, max_age: object = None) -> None:
        now, params = self._at, sig_input.params
        created, expires = params.get("created"), params.get("expires")
        if type(created) is not int or abs(now - created) > VALID.total_seconds():
            raise SignatureStale("created")
        if expires is not None and (type(expires) is not int or expires <= now):
            raise SignatureStale("expires")


class _Keys:
    """The library asks here for the one key that was looked up."""

    def __init__(self, pem: str) -> None:
        self._pem = pem

    def resolve_public_key(self, key_id: str) -> bytes:
        return self._pem.encode()


def algorithm_of(pem: str) -> tuple[str, bytes]:
    """(algorithm, canonical public key) of a PEM: Ed25519, ECDSA on P-256 or P-384, RSA-PSS from 3072 bits on.

    Raises PublicKeyUnfit.
    """
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise PublicKeyUnfit("not a public key in PEM") from None
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ed25519", der
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return "ecdsa-p256-sha256", der
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP384R1):
        return "ecdsa-p384-sha384", der
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= LEAST_RSA:
        return "rsa-pss-sha512", der
    raise PublicKeyUnfit(f"RSA below {LEAST_RSA} bits" if isinstance(key, rsa.RSAPublicKey) else "its kind")


_ALGORITHMS = {
    one.algorithm_id: one
    for one in (
        algorithms.ED25519,
        algorithms.ECDSA_P256_SHA256,
        algorithms.ECDSA_P384_SHA384,
        algorithms.RSA_PSS_SHA512,
    )
}


def key_id_of(client_id: str, der: bytes) -> str:
    """The `keyid` of a public key: its client's id and the beginning of its digest."""
    return f"{client_id}.{hashlib.sha256(der).hexdigest()[:16]}"


def named_key(headers: Mapping[str, str]) -> str:
    """The `keyid` of the one signature of a request; nothing is proved yet. Raises SignatureInvalid."""
    try:
        inputs = HTTPMessageVerifier._parse_signature_dictionary(headers.get("signature-input", ""))
        (named,) = inputs.values()
        found = named.params["keyid"]
    except Exception:  # noqa: BLE001 (whatever the library says of a stranger's header, it is no signature)
        raise SignatureInvalid("Signature-Input") from None
    if not isinstance(found, str) or not 1 <= len(found) <= 128:
        raise SignatureInvalid("keyid")
    return found


def verify(request: Signed, key: PublicKey, *, at: datetime, with_body: bool) -> tuple[str, datetime]:
    """(nonce, until when it is remembered) of a request that `key` signed for this origin and that came `at` this moment.
    The body is not looked at.

    Raises SignatureInvalid, SignatureStale, SignatureAudience, SignatureUncovered.
    """
    verifier = _Verifier(at, signature_algorithm=_ALGORITHMS[key.algorithm], key_resolver=_Keys(key.pem))
    try:
        (result,) = verifier.verify(request, max_age=None)
    except InvalidSignature as fault:
        raise SignatureInvalid(_said(fault)) from None
    covered = {name.strip('"') for name in result.covered_components}
    for needed in (*COVERED, *(("content-digest",) if with_body else ())):
        if needed not in covered:
            raise SignatureUncovered(needed)
    if "idempotency-key" in request.headers and "idempotency-key" not in covered:
        raise SignatureUncovered("idempotency-key")
    if result.parameters.get("tag") != settings.ABATE_ORIGIN:
        raise SignatureAudience
    nonce = result.parameters.get("nonce")
    if not isinstance(nonce, str) or not 16 <= len(nonce) <= 128:
        raise SignatureUncovered("nonce")
    return nonce, datetime.fromtimestamp(result.parameters["created"], UTC) + 2 * VALID


def _said(fault: InvalidSignature) -> str:
    """What the library found, short; it speaks of headers, never of keys."""
    return str(fault)[:80] if str(fault).isprintable() else ""


def check_digest(headers: Mapping[str, str], body: bytes) -> None:
    """Whether the body is what the signed digest says. Raises SignatureDigest."""
    try:
        ContentDigest.verify(headers.get("content-digest", ""), body)
    except InvalidSignature:
        raise SignatureDigest from None


class Content:
    """The content of a signed request while it is read in parts: only its hashes are held.

    Raises SignatureDigest where the digest that came with it can be none. Without a signature nothing is held against it.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        signed = "signature-input" in headers
        try:
            self._told = ContentDigest._parse(headers.get("content-digest", "")) if signed else {}
        except InvalidSignature:
            raise SignatureDigest from None
        self._read = {name: ContentDigest._hashers[name]() for name in self._told}

    def update(self, part: bytes) -> None:
        for hasher in self._read.values():
            hasher.update(part)

    def check(self) -> None:
        """Whether what was read is what the digest says. Raises SignatureDigest."""
        for name, told in self._told.items():
            if not hmac.compare_digest(told, self._read[name].digest()):
                raise SignatureDigest


def spend_nonce(key: PublicKey, nonce: str, until: datetime) -> None:
    """A nonce is used once with a key, whichever server it comes to. Raises SignatureReplayed."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into parties_nonce (key_id, nonce, until) values (%s, %s, %s) on conflict do nothing",
            [key.pk, nonce, until],
        )
        if cursor.rowcount != 1:
            raise SignatureReplayed
        cursor.execute(
            "delete from parties_nonce where (key_id, nonce) in (select key_id, nonce from parties_nonce"
            " where until <= %s order by until limit 4 for update skip locked)",
            [now],
        )
