"""POST /v1/files as an ASGI route of its own: the body goes to disk as it comes, never into memory.

A stranger is refused before a byte of his body is read, and what is too large as soon as that is known. The answer names
the file's address; it is booked by a thread (spool.py), through the very pipeline that events over HTTP go through.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from contextlib import ExitStack
from pathlib import Path
from typing import IO
from urllib.parse import parse_qs
from uuid import UUID

from abate.platform import spool
from abate.platform.doors import scanner
from abate.platform.doors.errors import Problem
from abate.platform.events.errors import Fault, TooSlow, WrongHost
from abate.platform.events.files_errors import FileNamed, FileNoRoom, FileTooLarge
from abate.platform.events.models import File
from abate.platform.parties import queries as parties
from abate.platform.parties.signatures import Content
from abate.platform.web import caller, files, intake, shielding, turning_away
from abate.platform.web.caller import Call
from abate.platform.web.gate import MethodNotDeclared
from abate.platform.web.intake import SCOPE, Gone, Receive, Scope, Send

PART_SECONDS = 30.0
"""How long the next bytes may be in coming: our policy."""
_log = logging.getLogger("abate.files")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application of the one route."""
    headers = dict(scope["headers"])
    language = "en" if intake.prefers_english(headers.get(b"accept-language", b"")) else "zh"
    status, more = 202, []
    call = caller.from_scope(scope)
    try:
        if not intake.names_us(headers):
            raise WrongHost
        shielding.require_encryption(scope, headers)
        if scope["method"] != "POST":
            raise MethodNotDeclared
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or len(declared) > 12 or int(declared) > spool.LARGEST:
            raise FileTooLarge
        asked = _asked(scope.get("query_string") or b"")
        loop = asyncio.get_running_loop()
        party_id, left = await loop.run_in_executor(intake.pool, _admit, call, asked, int(declared))
        content = Content(call.headers)
        with ExitStack() as stack:
            file_id, path, out = stack.enter_context(spool.incoming(party_id))
            digest = await _to_disk(receive, out, content)
            # Not among those that wait for the database: a large file is looked at for seconds.
            await loop.run_in_executor(None, scanner.require_clean, path)
            file = await loop.run_in_executor(intake.pool, _take, call, asked, file_id, path, digest, content)
        more = [(b"location", files.address(file).encode()), *left]
        answer = intake.write(files.told(file))
    except Gone:
        return
    except Problem as problem:
        await turning_away.from_intake("files", call, problem, intake.pool)
        status, answer, more = intake.refusal(problem, language)
        if isinstance(problem, FileTooLarge | FileNoRoom):
            # The rest of the body may still come: it is not to be taken for the next request.
            more.append((b"connection", b"close"))
    except Exception:  # noqa: BLE001 (a fault of ours: the partner still gets a problem document, the operator the trace)
        _log.exception("taking a file failed")
        status, answer = Fault.status, intake.problem_bytes(Fault(), language)
    await intake.respond(send, status, answer, language, more)


def _asked(query: bytes) -> dict[str, str]:
    """name, declaration and dry_run of the address. Raises FileNamed."""
    try:
        found = parse_qs(query.decode("ascii"), keep_blank_values=True, max_num_fields=10, errors="strict")
    except (ValueError, UnicodeError):
        raise FileNamed("query") from None
    if found.keys() - {"name", "declaration", "dry_run"} or any(len(value) > 1 for value in found.values()):
        raise FileNamed("query")
    asked = {name: value[0] for name, value in found.items()}
    spool.check_name(asked.get("name", ""))
    if asked.setdefault("dry_run", "0") not in ("0", "1"):
        raise FileNamed("dry_run")
    return asked


def _admit(call: Call, asked: dict[str, str], size: int) -> tuple[int, list[tuple[bytes, bytes]]]:
    """Whether this sender's file is to be read at all: its party, and headers that say how much it may send. (P-6.1-b)"""
    with intake.database():
        found, left = caller.admitted(call, SCOPE)
        spool.loading.declared(parties.party(found.code), asked.get("declaration", ""))
        spool.check_room(found.party_id, size)
    return found.party_id, intake.lines_of(left)


async def _to_disk(receive: Receive, out: IO[bytes], content: Content) -> bytes:
    """The SHA-256 of the body, once it is on disk. Raises FileTooLarge, FileNoRoom, TooSlow, Gone."""
    sha, size, looked, loop = hashlib.sha256(), 0, 0, asyncio.get_running_loop()
    while True:
        try:
            async with asyncio.timeout(PART_SECONDS):
                message = await receive()
        except TimeoutError:
            raise TooSlow from None
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        size += len(part)
        if size > spool.LARGEST:
            raise FileTooLarge
        if size - looked >= spool.LOOKED_AT:
            looked = size
            await loop.run_in_executor(None, spool.check_disk)
        sha.update(part)
        content.update(part)
        await loop.run_in_executor(None, out.write, part)
        if not message.get("more_body"):
            out.flush()
            return sha.digest()


def _take(
    call: Call, asked: dict[str, str], file_id: UUID, path: Path, digest: bytes, content: Content
) -> File:
    """The token or signature again: a key revoked in between books nothing, nor does content that was not signed."""
    with intake.database():
        found = caller.sender(call, SCOPE, body=content)
        return spool.take(
            file_id, path, party=parties.party(found.code), client_id=found.client_id, name=asked["name"],
            sha256=digest, declared=asked.get("declaration", ""), rehearsal=asked["dry_run"] == "1",
        )  # fmt: skip
