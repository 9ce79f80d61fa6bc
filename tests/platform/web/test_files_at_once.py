"""Files that come in at once: no more of a partner than may wait, none past the disk's room, and partners take turns."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from tests.platform.events.test_intake import token
from tests.platform.pipeline.world import NOW, World, state
from tests.platform.web.test_files import kept, send, world  # noqa: F401

from abate.platform import spool
from abate.platform.doors import clock
from abate.platform.events.files_errors import FilesWaiting
from abate.platform.events.models import File
from abate.platform.parties import actions as parties
from abate.platform.parties.models import Party

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-8.3", "P-8.5-a")]


def take(party: Party, number: int, come: Any) -> File:
    file_id, part, out = come
    out.write(b"%d" % number)
    out.flush()
    return spool.take(file_id, part, party=party, client_id="c", name=f"{number}.csv",
                      sha256=number.to_bytes(32, "big"), declared="", rehearsal=False)  # fmt: skip


def bring(party: Party, number: int) -> File:
    with clock.frozen(NOW + timedelta(seconds=number)), spool.incoming(party.pk) as come:
        return take(party, number, come)


def test_no_more_come_in_at_once_than_may_wait(world: World) -> None:  # noqa: F811
    bearer, before, own = token(world), state(), world.sender.party_id
    with ExitStack() as coming:
        for _ in range(spool.WAITING):
            coming.enter_context(spool.incoming(own))
        answer = send(b"id\n", bearer)
        assert (answer.status_code, answer.json()["code"]) == (429, "files-waiting")
        assert len(answer.unread) == 2  # type: ignore[attr-defined]
        # Another party has places of its own.
        coming.enter_context(spool.incoming(own + 1))
    assert kept() == [] and state() == before
    assert send(b"id\n", bearer).status_code == 202


def test_nor_are_more_taken_that_came_in_by_several_servers(
    world: World,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    party = Party.objects.get(pk=world.sender.party_id)
    with ExitStack() as coming:
        come = []
        for _ in range(spool.WAITING + 2):
            # A server counts its own.
            monkeypatch.setattr(spool, "_arriving", Counter())
            come.append(coming.enter_context(spool.incoming(party.pk)))
        files = [take(party, number, one) for number, one in enumerate(come[: spool.WAITING])]
        for number, one in enumerate(come[spool.WAITING :], spool.WAITING):
            with pytest.raises(FilesWaiting):
                take(party, number, one)
        # Sent again as no answer came: it is one of those that wait.
        assert take(party, 0, come[-1]).pk == files[0].pk
    assert File.objects.count() == len(kept()) == spool.WAITING


def test_the_disk_is_looked_at_while_a_file_comes_in(
    world: World,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free = [spool.SPARE + 1_000_000, spool.SPARE - 1]
    monkeypatch.setattr(spool, "LOOKED_AT", 2_000)
    monkeypatch.setattr(
        spool, "shutil", SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=free.pop(0)))
    )
    answer = send(b"x" * 5_000, token(world), length="10")
    assert (answer.status_code, answer.json()["code"]) == (507, "file-no-room")
    assert answer.headers["connection"] == "close" and kept() == [] and free == []


def test_partners_take_turns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    one = Party.objects.get(pk=world.sender.party_id)
    other = parties.create_party("other", "data_provider", "另一家", "Other", made_up=True)
    booked: list[File] = []

    def book(_: spool.Loader, file: File) -> None:
        if not booked:
            bring(other, 4)
        booked.append(file)

    monkeypatch.setattr(spool.Loader, "_book", book)
    for number in range(4):
        bring(one, number)
    spool.Loader().round()
    assert [file.name for file in booked] == ["0.csv", "4.csv", "1.csv", "2.csv", "3.csv"]
