"""docs/reference/cryptography.md names every file that uses cryptography, and no primitive beside those it names is used."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = ROOT / "src/abate"
PAGE = ROOT / "docs/reference/cryptography.md"
LIBRARIES = {
    "cryptography", "hmac", "ssl", "jwt", "gmssl_pyx", "http_message_signatures", "django.core.signing",
    "django.contrib.auth.hashers", "standardwebhooks", "webpush",
}  # fmt: skip
"""Whose modules encrypt, sign, or hash with a key. Plain digests are hashlib's, see PLAIN."""
PLAIN = {"sha256", "file_digest"}
"""What of hashlib is used."""
PRIMITIVES = {
    "AESGCM", "Ed25519PrivateKey", "Ed25519PublicKey", "ec", "ed25519", "rsa", "SECP256R1", "SECP384R1", "hashes", "SM3",
    "ED25519", "ECDSA_P256_SHA256", "ECDSA_P384_SHA384", "RSA_PSS_SHA512",
    "RSAPrivateKey", "RSAPublicKey", "algorithms",
}  # fmt: skip
_KIND = re.compile(
    r"AES|3?DES|ARC4|Blowfish|CBC|CTR|CFB|ECB|Fernet|ChaCha|MD\d|SHA|SM\d|ED\d|EC|RSA|DSA|SECP|PKCS1|PSS|OAEP|HMAC|X25519|X448"
    r"|Ed\d|(ec|ed25519|ed448|rsa|dsa|dh|x25519|hashes|padding|algorithms|modes)$"
)


def modules(tree: ast.Module) -> set[str]:
    """The dotted names of what is imported, also inside functions."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module} | {f"{node.module}.{one.name}" for one in node.names}
    return found


def uses(tree: ast.Module) -> bool:
    return any(name == one or name.startswith(f"{one}.") for name in modules(tree) for one in LIBRARIES)


def primitives(tree: ast.Module) -> set[str]:
    """Names of algorithms, as they are imported from the libraries or taken from a module of theirs; hashlib's functions."""
    found, theirs = set(), {"hashlib"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            ("cryptography", "http_message")
        ):
            names = {one.name for one in node.names}
            theirs |= names
            found |= {one for one in names if _KIND.match(one)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "hashlib":
                found.add(f"hashlib.{node.attr}")
            elif node.value.id in theirs and _KIND.match(node.attr):
                found.add(node.attr)
    return found


def trees() -> dict[str, ast.Module]:
    return {
        path.relative_to(CODE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in CODE.rglob("*.py")
    }


def unlisted(found: dict[str, ast.Module], page: str) -> list[str]:
    return sorted(
        name for name, tree in found.items() if uses(tree) and name.removeprefix("platform/") not in page
    )


def test_every_file_that_uses_cryptography_stands_in_the_list() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert unlisted(trees(), page) == []
    for planted in ("import hmac", "def f():\n    from cryptography.fernet import Fernet"):
        assert unlisted({"platform/people/planted.py": ast.parse(planted)}, page) == [
            "platform/people/planted.py"
        ]


def test_only_these_primitives_are_used() -> None:
    found = set().union(*(primitives(tree) for tree in trees().values()))
    allowed = PRIMITIVES | {f"hashlib.{name}" for name in PLAIN}
    assert found <= allowed, found - allowed
    assert {"AESGCM", "hashlib.sha256", "SECP256R1", "RSA_PSS_SHA512"} <= found
    planted = (
        "import hashlib\nfrom cryptography.hazmat.primitives.ciphers import algorithms, modes\n"
        "from cryptography.hazmat.primitives.asymmetric import padding\n"
        "hashlib.md5(b'')\nmodes.ECB()\nalgorithms.AES(b'')\npadding.PKCS1v15()"
    )
    assert primitives(ast.parse(planted)) - allowed >= {"hashlib.md5", "ECB", "AES", "padding"}
