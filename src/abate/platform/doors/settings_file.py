"""The settings of an installation in a file beside its data: the same names as in the environment, which goes first.

`NAME=value` lines, quoted as a shell quotes them, so that `systemd` (EnvironmentFile=) and `sh` read the file too. It is
written whole or not at all, and closed to others: a database address may hold a password.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from abate.platform.doors.errors import SetupError

NAME = "settings.env"
_KNOWN = re.compile(r"DATABASE_URL|ABATE_[A-Z][A-Z_]*")
# Where the installation is cannot stand inside it.
_OUTSIDE = {"ABATE_DATA_DIR", "ABATE_SANDBOX"}
_HEAD = (
    "# Settings of this installation of Abate. What the environment sets goes first.\n"
    "# Figures, region, floor, zone and pack are in force once three people put them so (basis.adopt).\n"
)


def read(file: Path) -> dict[str, str]:
    """What the file sets; nothing where there is none. Raises SetupError naming the line that cannot be read."""
    try:
        text, mode = file.read_text(encoding="utf-8"), file.stat().st_mode & 0o077
    except FileNotFoundError:
        return {}
    except NotADirectoryError as fault:
        raise SetupError("data-dir-no-folder", folder=file.parent) from fault
    except (OSError, ValueError) as fault:
        raise _unreadable(file, str(fault)) from fault
    if mode:
        raise SetupError("settings-open", file=file, mode=f"{mode:03o}")
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError as fault:
            raise _unreadable(file, f"line {number}: {fault}") from fault
        if not words:
            continue
        name, sign, value = words[0].partition("=")
        if len(words) > 1 or not sign or not _KNOWN.fullmatch(name) or name in _OUTSIDE or name in found:
            # A value that stands alone may be an address with a password in it.
            said = repr(name[:40]) if sign and name.isidentifier() else "no NAME=value"
            raise _unreadable(file, f"line {number}: {said}")
        found[name] = value
    return found


def _unreadable(file: Path, where: str) -> SetupError:
    return SetupError("settings-unreadable", file=file, where=where)


def load(data_dir: Path) -> None:
    """Put what the file sets into the environment, where the environment says nothing. Raises SetupError."""
    for name, value in read(data_dir / NAME).items():
        os.environ.setdefault(name, value)


def write(file: Path, values: Mapping[str, str]) -> None:
    """The whole file anew, in the order given; a reader sees the old one or the new one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = _HEAD + "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)
