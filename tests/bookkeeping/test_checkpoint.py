"""Signed notes and checkpoints: published vectors, strict reading, several signatures, wrong keys."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from abate.bookkeeping import checkpoint
from abate.bookkeeping.checkpoint import Checkpoint, NoteError

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "signed-note.json").read_text())
SEED, OTHER = bytes(range(32)), bytes(range(1, 33))
HEAD = Checkpoint("abate.test/log", 5, bytes(range(32)))
NOTE = checkpoint.sign_checkpoint(HEAD, SEED)
KEY = checkpoint.key_of("abate.test/log", SEED)


def test_a_note_signed_here_is_the_published_note() -> None:
    """Ed25519 gives one signature for one text: equal bytes mean that others' tools accept ours."""
    seed = base64.b64decode(VECTORS["signer"].split("+", 4)[4])[1:]
    note = VECTORS["text"] + "\n" + VECTORS["signature_line"]
    assert checkpoint.sign_note(VECTORS["text"], "PeterNeumann", seed) == note
    key = checkpoint.read_key(VECTORS["verifier"])
    assert key == checkpoint.key_of("PeterNeumann", seed)
    assert str(key) == VECTORS["verifier"]
    read = checkpoint.read_note(note.encode())
    assert read.text == VECTORS["text"]
    checkpoint.check_signature(read, key)


@pytest.mark.parametrize("key", VECTORS["other_verifiers"])
def test_published_verifier_keys(key: str) -> None:
    assert str(checkpoint.read_key(key)) == key


def test_the_published_checkpoint_text() -> None:
    head = checkpoint.read_checkpoint(VECTORS["checkpoint"])
    assert (head.origin, head.size, head.root.hex()[:8]) == (
        "example.com/behind-the-sofa",
        20852163,
        "0ac5186a",
    )


def test_a_checkpoint_there_and_back() -> None:
    assert checkpoint.open_checkpoint(NOTE, KEY) == HEAD
    assert NOTE.startswith(
        "abate.test/log\n5\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n— abate.test/log "
    )


def test_other_signature_lines_are_left_alone_wherever_they_stand() -> None:
    witness = checkpoint.sign_note(NOTE.split("\n\n")[0] + "\n", "witness.test", OTHER).split("\n\n")[1]
    unknown_type = "— witness.test " + base64.b64encode(b"\x00\x01\x02\x03" + bytes(72)).decode() + "\n"
    text, line = NOTE.split("\n\n")
    for lines in (line + witness + unknown_type, witness + unknown_type + line, unknown_type * 15 + line):
        assert checkpoint.open_checkpoint(f"{text}\n\n{lines}", KEY) == HEAD


def test_an_own_line_that_fails_condemns_the_note() -> None:
    wrong = "— abate.test/log " + base64.b64encode(KEY.key_id + bytes(64)).decode() + "\n"
    for note in (NOTE + wrong, NOTE.replace("— ", wrong + "— ", 1)):
        with pytest.raises(NoteError, match="does not fit") as seen:
            checkpoint.open_checkpoint(note, KEY)
        assert seen.value.code == "bad-signature"


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (checkpoint.key_of("abate.test/log", OTHER), "not-signed"),
        (checkpoint.key_of("other.test/log", SEED), "not-signed"),
    ],
)
def test_another_key_is_refused(key: checkpoint.Key, code: str) -> None:
    with pytest.raises(NoteError) as seen:
        checkpoint.open_checkpoint(NOTE, key)
    assert seen.value.code == code
    assert str(key).split("+")[1] in str(seen.value)


def test_a_key_that_signs_for_another_log_is_refused() -> None:
    text = "other.test/log\n5\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    with pytest.raises(NoteError, match=r"of log 'other.test/log'"):
        checkpoint.open_checkpoint(checkpoint.sign_note(text, KEY.name, SEED), KEY)


def test_every_changed_byte_is_refused() -> None:
    raw = NOTE.encode()
    for at in range(len(raw)):
        for bit in range(8):
            bad = bytes([*raw[:at], raw[at] ^ 1 << bit, *raw[at + 1 :]])
            with pytest.raises(NoteError):
                checkpoint.open_checkpoint(bad, KEY)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "\n\n— name AAAAAAA=\n",
        "text\n\n",
        "text\n\n— name AAAAAAA=",
        "text\n\n-- name AAAAAAA=\n",
        "text\n\n— name  AAAAAAA=\n",
        "text\n\n— na+me AAAAAAA=\n",
        "text\n\n— name AAAA\n",
        "text\n\n— name AAAAAAB=\n",
        "text\n\n— name AAAAAAA\n",
        "text\n\n— name AAAA AAAA\n",
        "te\txt\n\n— name AAAAAAA=\n",
        "text\r\n\r\n— name AAAAAAA=\r\n",
        "text\n\n" + "— name AAAAAAA=\n" * 65,
        "t" * 70_000 + "\n\n— name AAAAAAA=\n",
        b"\xff\n\n\xe2\x80\x94 name AAAAAAA=\n",
    ],
)
def test_what_is_no_note(note: str | bytes) -> None:
    with pytest.raises(NoteError) as seen:
        checkpoint.read_note(note)
    assert seen.value.code == "note-form"


@pytest.mark.parametrize(
    "text",
    [
        "a\n1\n",
        "\n1\nAAAA\n",
        "a\n01\nROOT\n",
        "a\n-1\nROOT\n",
        "a\n1 \nROOT\n",
        "a\n9223372036854775808\nROOT\n",
        "a\n1\nAAAA\n",
        "a\n1\nROOT",
        "a\n1\nROOT\n\nmore\n",
        "a\n١\nROOT\n",
        "a\n1\nROOT=\n",
    ],
)
def test_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(NoteError) as seen:
        checkpoint.read_checkpoint(text.replace("ROOT", "A" * 43 + "="))
    assert seen.value.code == "checkpoint-form"


def test_extension_lines_are_allowed() -> None:
    root = "A" * 43 + "="
    assert checkpoint.read_checkpoint(f"a\n1\n{root}\nmore\n") == Checkpoint("a", 1, bytes(32))


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("", "key-form"),
        ("name+00000000", "key-form"),
        ("na me+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "key-form"),
        ("PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "key-hash"),
        ("PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "key-hash"),
        ("PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "key-type"),
        ("PeterNeumann+c74f20a3+ARpc2QcUPDhM", "key-type"),
        ("PeterNeumann+c74f20a3+***", "key-form"),
    ],
)
def test_what_is_no_key(key: str, code: str) -> None:
    with pytest.raises(NoteError) as seen:
        checkpoint.read_key(key)
    assert seen.value.code == code


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb"])
def test_a_log_cannot_be_named_so(name: str) -> None:
    with pytest.raises(NoteError):
        checkpoint.sign_checkpoint(Checkpoint(name, 0, bytes(32)), SEED)
