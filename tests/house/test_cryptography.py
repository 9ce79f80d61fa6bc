"""docs/reference/cryptography.md names every file that uses cryptography, and no primitive beside those it names is used."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = ROOT / "src/abate"
PAGE = ROOT / "docs/reference/cryptography.md"
LIBRARIES = {
    "cryptography", "hmac", "ssl", "jwt", "gmssl_pyx", "http_message_signatures", "django.core.signing",
    "django.contrib.auth.hashers", "django.utils.crypto", "standardwebhooks", "webpush",
}  # fmt: skip
"""Whose modules encrypt, sign, or hash with a key. Plain digests are hashlib's, see PLAIN."""
PLAIN = {"sha256", "file_digest"}
"""What of hashlib is used."""
PRIMITIVES = {
    "AESGCM", "Ed25519PrivateKey", "Ed25519PublicKey", "ec", "ed25519", "rsa", "SECP256R1", "SECP384R1", "hashes", "SM3",
    "ED25519", "ECDSA_P256_SHA256", "ECDSA_P384_SHA384", "RSA_PSS_SHA512",
    "RSAPrivateKey", "RSAPublicKey", "algorithms",
}  # fmt: skip
_THEIRS = ("cryptography", "http_message")
_KIND = re.compile(
    r"AES|3?DES|ARC4|Blowfish|CBC|CTR|CFB|ECB|Fernet|ChaCha|MD\d|SHA|SM\d|ED\d|EC|RSA|DSA|SECP|PKCS1|PSS|OAEP|HMAC|X25519|X448"
    r"|Ed\d|(ec|ed25519|ed448|rsa|dsa|dh|x25519|hashes|padding|algorithms|modes)$"
)


_WEAK = re.compile(
    r"\b(?:md5|sha-?1|sha-?224)\b(?=[\"'(]|\s*\()|\b(?:digest|crypt|gen_salt)\s*\(\s*[^,()]*,\s*'", re.I
)
"""A digest asked of the database, or of a browser: by a function's name, or by a text that names the algorithm."""


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
    """Names of algorithms: imported from the libraries or taken from a module of theirs, by whatever name; hashlib's functions;
    and those that are named by a text.
    """
    found: set[str] = set()
    theirs, plain = set(), {"hashlib"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            plain |= {one.asname or one.name for one in node.names if one.name == "hashlib"}
            theirs |= {one.asname for one in node.names if one.asname and one.name.startswith(_THEIRS)}
        elif isinstance(node, ast.ImportFrom) and node.module == "hashlib":
            found |= {f"hashlib.{one.name}" for one in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_THEIRS):
            theirs |= {one.asname or one.name for one in node.names}
            found |= {one.name for one in node.names if _KIND.match(one.name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if not _begins(node.value).startswith((*plain, *theirs, *_THEIRS)):
                continue
            holder = ast.unparse(node.value)
            if holder in plain:
                found.add(f"hashlib.{node.attr}")
            elif (holder in theirs or holder.startswith(_THEIRS)) and _KIND.match(node.attr):
                found.add(node.attr)
        elif isinstance(node, ast.Call):
            found |= _by_text(node)
    return found


def _begins(node: ast.expr) -> str:
    """The name that the text of an expression begins with; empty where it begins with none."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _by_text(call: ast.Call) -> set[str]:
    """What hmac is asked to hash with, and what a call names as its algorithm."""
    given = {one.arg: one.value for one in call.keywords}
    named = [given.get("algorithm"), given.get("digestmod"), given.get("digest")]
    if len(call.args) > 2 and ast.unparse(call.func) in ("hmac.new", "hmac.digest"):
        named.append(call.args[2])
    return {
        f"text {one.value}" for one in named if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    return {
        path.relative_to(CODE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in CODE.rglob("*.py")
    }


def unlisted(found: dict[str, ast.Module], page: str) -> list[str]:
    return sorted(
        name for name, tree in found.items() if uses(tree) and name.removeprefix("platform/") not in page
    )


def test_every_file_that_uses_cryptography_stands_in_the_list(trees: dict[str, ast.Module]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert unlisted(trees, page) == []
    for planted in ("import hmac", "def f():\n    from cryptography.fernet import Fernet"):
        assert unlisted({"platform/people/planted.py": ast.parse(planted)}, page) == [
            "platform/people/planted.py"
        ]


def test_only_these_primitives_are_used(trees: dict[str, ast.Module]) -> None:
    found = set().union(*(primitives(tree) for tree in trees.values()))
    allowed = PRIMITIVES | {f"hashlib.{name}" for name in PLAIN}
    assert found <= allowed, found - allowed
    assert {"AESGCM", "hashlib.sha256", "SECP256R1", "RSA_PSS_SHA512"} <= found
    for planted, name in PLANTED.items():
        assert name in primitives(ast.parse(planted)) - allowed, planted


def weak(name: str, text: str) -> list[str]:
    """The digests below SHA-256 that a statement, or a script, asks others for; of Python the texts, which hold statements."""
    if name.endswith(".py"):
        constants = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
        text = "\n".join(one for one in constants if isinstance(one, str))
    return _WEAK.findall(text)


def test_nobody_else_is_asked_for_another_digest() -> None:
    """PostgreSQL has md5() and, with an extension, digest(); a browser has SHA-1."""
    kinds = {".py", ".sql", ".js", ".html"}
    files = [path for path in CODE.rglob("*") if path.suffix in kinds]
    assert {path.suffix for path in files} == kinds
    found = {str(path): weak(path.name, path.read_text(encoding="utf-8")) for path in files}
    assert {name: words for name, words in found.items() if words} == {}
    for name, planted in ASKED:
        assert weak(name, planted), planted


ASKED = [
    ("a.sql", "select md5(record) from carbon_quantity"),
    ("a.sql", "select digest(record, 'sha1')"),
    ("a.py", "cursor.execute('select md5 (x)')"),
    ("a.js", 'crypto.subtle.digest("SHA-1", bytes)'),
]
PLANTED = {
    "import hashlib\nhashlib.md5(b'')": "hashlib.md5",
    "from hashlib import sha1 as h": "hashlib.sha1",
    "import hashlib as h\nh.md5()": "hashlib.md5",
    "import hmac\nhmac.new(b'', b'', 'md5')": "text md5",
    "import hmac\nhmac.digest(b'', b'', 'sha1')": "text sha1",
    "import jwt\njwt.encode({}, '', algorithm='none')": "text none",
    "import cryptography.hazmat.primitives.hashes as h\nh.SHA1()": "SHA1",
    "import cryptography.hazmat.primitives.hashes\ncryptography.hazmat.primitives.hashes.MD5()": "MD5",
    "from cryptography.hazmat.primitives.ciphers import modes\nmodes.ECB()": "ECB",
    "from cryptography.hazmat.primitives.ciphers import algorithms\nalgorithms.AES(b'')": "AES",
    "from cryptography.hazmat.primitives.asymmetric import padding\npadding.PKCS1v15()": "PKCS1v15",
}
