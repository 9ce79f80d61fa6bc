"""The database's disk is full under load: refused in words, nothing half done, and all of it there once space is back."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from tests.faults.load import Partner
from tests.faults.stack import Stack, until
from tests.faults.test_kill import losses, reconciled

from abate.platform.doors import backup, private_postgres, recovery
from abate.platform.doors.errors import SetupError

pytestmark = [
    pytest.mark.platform,
    pytest.mark.skipif(
        os.geteuid() != 0, reason="mounting a small file system needs root; run as root to include it"
    ),
]
SIZE = 200 * 1024**2


@pytest.fixture
def stack() -> Iterator[Stack]:
    """An installation whose database lies on a file system of 200 MB in memory."""
    with tempfile.TemporaryDirectory(prefix="abd-") as name:
        made = Stack(Path(name))
        made.cluster.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", made.cluster], check=True)
        try:
            made.cluster = made.cluster / "pg"
            made.create()
            made.start_server()
            yield made
        finally:
            made.stop()
            subprocess.run(["umount", "-l", made.cluster.parent], check=True)


def fill(stack: Stack, name: str = "filler") -> Path:
    """Take all the room that is left on the database's file system."""
    filler = stack.cluster.parent / name
    with filler.open("wb", buffering=0) as file:
        block = b"\0" * 65536
        try:
            while file.write(block) == len(block):
                pass
        except OSError:
            pass
    return filler


@pytest.mark.clause("P-7.3.3.3-b")
def test_a_full_disk_refuses_and_loses_nothing(stack: Stack) -> None:
    keys = stack.city(5)
    partner = Partner(stack.origin, str(keys["client_id"]), str(keys["secret"]), list(keys["subjects"]))  # type: ignore[call-overload]
    assert partner.deliver(partner.batch(50))
    filler = fill(stack)
    for _ in range(400):
        if not partner.deliver(partner.batch(50)):
            break
    else:
        pytest.fail("20,000 events went onto a full disk: this test fills nothing")
    assert set(partner.acknowledged) < set(partner.sent)
    reply = partner.post(partner.batch(50))
    assert (reply.status, reply.refusal().code) == (503, "busy")
    more = stack.cluster.parent / "more"

    def not_ready() -> bool:
        # What was refused gave back the room that it had taken: enough for the one page that readiness asks for.
        fill(stack, more.name)
        try:
            urlopen(f"{stack.origin}/readyz", timeout=10).close()
        except HTTPError as told:
            return told.code == 503 and not json.load(told)["ready"]
        return False

    until("the refusal of readiness", not_ready)
    filler.unlink(), more.unlink()
    assert stack.postgres is not None
    if stack.postgres.poll() is not None:  # it ends itself where not even its log of changes has room
        stack.start_postgres()
    until("readiness with room again", stack._ready)
    partner.settle()
    assert set(partner.acknowledged) == set(partner.sent)
    assert losses(stack, partner) == []
    check = reconciled(stack)
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.mark.parametrize("megabytes", [20, 0])
def test_a_restore_onto_a_full_disk_is_refused_in_words_and_leaves_nothing(megabytes: int) -> None:
    """`megabytes`: the disk of so many, or (0) of so many that the copy fits and the replay does not."""
    wait = threading.Event().wait
    with tempfile.TemporaryDirectory(prefix="abd-") as name:
        old, copies, small = (Path(name) / part for part in ("old", "copies", "small"))
        Path(name).chmod(0o755)
        try:
            base = backup.take(private_postgres.start(old), copies)
        finally:
            private_postgres.stop(old)
        held = sum(path.stat().st_blocks * 512 for path in base.folder.rglob("*"))
        size = megabytes * 1024**2 or held + 1024**2
        small.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", small], check=True)
        try:
            with pytest.raises(SetupError) as refused, recovery.restoring(small / "new") as beside:
                recovery.recover(copies, base, beside, None, wait=wait)
            assert refused.value.code == "restore-no-room"
            assert (refused.value.__cause__ is None) is bool(megabytes), "looked at before, or met on the way"
            assert str(small) in str(refused.value) and len(str(refused.value)) < 1000
            assert not list((small / "new").iterdir()) if (small / "new").exists() else True
        finally:
            subprocess.run(["umount", "-l", small], check=True)
