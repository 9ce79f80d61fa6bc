"""Signs requests by RFC 9421 with a private key that stays here; http-message-signatures does the construction."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key in PEM (Ed25519, ECDSA P-256 or P-384, RSA) and the `keyid` that the platform gave its public half."""

    key_id: str
    private_pem: bytes

    def headers(
        self, method: str, origin: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> dict[str, str]:
        """The given headers with Content-Digest, Signature-Input and Signature, good for one sending. Raises ValueError."""
        from http_message_signatures import HTTPMessageSigner  # lazy: only who signs needs it

        private = serialization.load_pem_private_key(self.private_pem, password=None)
        request = _Request(method, origin + target, dict(headers))
        signer = HTTPMessageSigner(signature_algorithm=_algorithm(private), key_resolver=_Private(private))  # type: ignore[arg-type]
        names = {name.lower() for name in headers}
        covered = ["@method", "@target-uri", *(["idempotency-key"] if "idempotency-key" in names else [])]
        signer.sign(
            request,
            key_id=self.key_id,
            created=datetime.now(UTC),
            nonce=secrets.token_urlsafe(18),
            tag=origin,
            covered_component_ids=covered,
            body=body,
        )
        return request.headers


class _Private:
    def __init__(self, private: Any) -> None:
        self._private = private

    def resolve_private_key(self, key_id: str) -> Any:
        return self._private


def _algorithm(private: object) -> Any:
    from http_message_signatures import algorithms  # lazy: as above

    if isinstance(private, ed25519.Ed25519PrivateKey):
        return algorithms.ED25519
    if isinstance(private, ec.EllipticCurvePrivateKey):
        curves = {"secp256r1": algorithms.ECDSA_P256_SHA256, "secp384r1": algorithms.ECDSA_P384_SHA384}
        if private.curve.name in curves:
            return curves[private.curve.name]
    if isinstance(private, rsa.RSAPrivateKey):
        return algorithms.RSA_PSS_SHA512
    raise ValueError("a private key is Ed25519, ECDSA on P-256 or P-384, or RSA")
