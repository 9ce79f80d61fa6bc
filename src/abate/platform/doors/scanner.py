"""The door to a scanner of files: clamd, by its command INSTREAM, at the address in `ABATE_SCANNER`.

What somebody sends is shown to it whole before it is kept or opened. Only its plain `OK` is a yes: what it finds harmful, what
is larger than it looks at, and a scanner that does not answer are refused, each by name. (ASVS 5.0.0, V5.4.3)
"""

from __future__ import annotations

import select
import socket
import struct
from io import BytesIO
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from django.conf import settings

from abate.platform.doors.errors import Problem, SetupError
from abate.platform.doors.words import on_one_line

SECONDS = 120.0
"""How long it may be silent over one file, of 256 MiB at most: our policy."""
_CONNECT_SECONDS = 5.0
_PART = 64 * 1024
_MOST = 4096
"""Bytes of an answer; its own are below 200."""
_TOO_LARGE = "INSTREAM size limit exceeded"
_PASSED_OVER = "Heuristics.Limits.Exceeded"


class FileHarmful(Problem):
    code = "file-harmful"
    status = 422
    zh = "文件含有已知的有害内容，已拒绝。"
    en = "The file holds what is known to be harmful; it was refused."
    why_zh = "文件会由他人打开；有害文件不予保存，也不隔离存放。"
    why_en = "Others would open it; nothing of it was kept, in no quarantine either."
    remedy_zh = "请检查产生该文件的机器，清除后重新导出再发送；如认为是误报，请告知运营方发送时间，扫描器的日志记有所发现的名称。"
    remedy_en = (
        "Look at the machine it came from, make the file anew and send that. Where you hold it for a false alarm, tell the "
        "operator when you sent it: the scanner's own log has the name of what it found."
    )


class FileNotScanned(Problem):
    code = "file-not-scanned"
    status = 413
    zh = "文件超过扫描器的上限，未能完整扫描，已拒绝。"
    en = "The file is past what the scanner looks at whole; it was refused."
    why_zh = "未完整扫描的文件不能视为无害。"
    why_en = "What was looked at in part is not known to be harmless."
    remedy_zh = "请拆分文件后再发送；压缩的工作簿请减少其中的内容。"
    remedy_en = "Split the file and send the parts; of a packed workbook, put less into one."


class ScannerAway(Problem):
    code = "scanner-away"
    status = 503
    retry_after = 30
    zh = "文件扫描暂时不可用，文件未被接收。"
    en = "Files cannot be scanned just now; the file was not taken."
    why_zh = "未扫描的文件不予接收。"
    why_en = "No file is taken that was not scanned."
    remedy_zh = "没有任何改动，请稍后重新发送同一文件。"
    remedy_en = "Nothing was changed. Send the same file again in a while."


Place = str | tuple[str, int]
"""A socket's path, or host and port."""


def place(address: str) -> Place | None:
    """Where the scanner listens; None where none is named. Raises SetupError for what is no address of this machine."""
    if not address:
        return None
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/"):
        return parts.path
    if (
        parts.scheme == "tcp"
        and host in ("127.0.0.1", "::1", "localhost")
        and port
        and not parts.path.strip("/")
    ):
        return host, port
    raise SetupError("scanner-elsewhere", address=repr(address[:80]))


def require_clean(file: IO[bytes] | bytes | Path) -> None:
    """Show a file to the scanner, from where it is read now to its end; where none is named nothing is asked.

    Raises FileHarmful with the name it gave, FileNotScanned, ScannerAway, SetupError. Nothing of the file is kept here.
    """
    if (at := place(settings.ABATE_SCANNER)) is None:
        return
    if isinstance(file, Path):
        with file.open("rb") as opened:
            return require_clean(opened)
    try:
        with _connected(at) as clamd:
            clamd.sendall(b"zINSTREAM\0")
            _show(clamd, BytesIO(file) if isinstance(file, bytes) else file)
            said = _answer(clamd)
    except OSError as fault:
        raise ScannerAway(type(fault).__name__) from None
    if said == "stream: OK":
        return
    if said.startswith(_TOO_LARGE):
        raise FileNotScanned("StreamMaxLength")
    if said.startswith("stream: ") and said.endswith(" FOUND"):
        name = said.removeprefix("stream: ").removesuffix(" FOUND")[:100]
        if name.startswith(_PASSED_OVER):
            raise FileNotScanned(name.removeprefix(_PASSED_OVER).strip("."))
        raise FileHarmful(name if on_one_line(name) else "")
    raise ScannerAway("another answer" if said else "no answer")


def version() -> str:
    """What the scanner says it is, with its signatures and their day; "" where none is named. Raises ScannerAway, SetupError."""
    if (at := place(settings.ABATE_SCANNER)) is None:
        return ""
    try:
        with _connected(at) as clamd:
            clamd.sendall(b"zVERSION\0")
            said = _answer(clamd)
    except OSError as fault:
        raise ScannerAway(type(fault).__name__) from None
    if not said.startswith("ClamAV "):
        raise ScannerAway("another answer" if said else "no answer")
    return said[:80]


def _connected(at: Place) -> socket.socket:
    if isinstance(at, tuple):
        made = socket.create_connection(at, timeout=_CONNECT_SECONDS)
    else:
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(_CONNECT_SECONDS)
        try:
            made.connect(str(Path(at)))
        except OSError:
            made.close()
            raise
    made.settimeout(SECONDS)
    return made


def _show(clamd: socket.socket, file: IO[bytes]) -> None:
    """Each part with its length before it, and an empty one at the end; no more once it answers before that."""
    try:
        while part := file.read(_PART):
            if select.select([clamd], [], [], 0)[0]:
                return
            clamd.sendall(struct.pack("!I", len(part)) + part)
        clamd.sendall(struct.pack("!I", 0))
    except (BrokenPipeError, ConnectionResetError):
        # It hung up over what is too large for it, and said so before.
        return


def _answer(clamd: socket.socket) -> str:
    said = b""
    while not said.endswith(b"\0") and len(said) < _MOST:
        part = clamd.recv(_MOST)
        if not part:
            break
        said += part
    text, end, more = said.partition(b"\0")
    return text.decode(errors="replace") if end and not more else ""
