"""`make holes`: each package of a lock held against the lists of known holes, by pip-audit; usage: holes.py PIP-AUDIT LOCK

Exit 0: all were looked up, and none has a known hole. 1: some have; each is named, with the versions that mend it. 3: not all
were looked up, as without a way to the lists; what was not looked at is never told as whole.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HOLES, NOT_LOOKED = 1, 3


def told(packages: list[dict[str, Any]], locked: list[str]) -> tuple[list[str], int]:
    """What pip-audit found of the packages `locked` (name==version), a line each, and the exit code."""
    looked = {f"{one['name']}=={one['version']}" for one in packages if "skip_reason" not in one}
    skipped = [one for one in locked if one not in looked]
    lines = [
        f"{one['name']} {one['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'no version yet'}"
        for one in packages
        for hole in one.get("vulns", ())
    ]
    holes = len(lines)
    if skipped or not locked:
        lines.append(
            f"not looked up: {len(skipped)} of {len(locked)} packages ({', '.join(skipped[:5])} ...)"
        )
        lines.append(
            "The lists of known holes do not know them, or there is no way to the lists: this says nothing of them."
        )
    lines.append(f"{len(locked) - len(skipped)} packages looked up, {holes} known holes")
    return lines, HOLES if holes else NOT_LOOKED if skipped or not locked else 0


def apart(lock: str) -> list[dict[str, str]]:
    """name==version -> its lines without the marker, of every machine and Python; a name's second version in a second part."""
    parts: list[dict[str, str]] = []
    for block in re.split(r"\n(?=\w)", Path(lock).read_text(encoding="utf-8").strip()):
        first, _, hashes = block.partition("\n")
        pinned = first.split()[0]
        name = pinned.partition("==")[0] + "=="
        part = next((one for one in parts if not any(known.startswith(name) for known in one)), None)
        if part is None:
            parts.append(part := {})
        part[pinned] = f"{pinned} \\\n{hashes}\n"
    return parts


def looked_up(program: str, part: dict[str, str]) -> list[dict[str, Any]]:
    """What pip-audit found of these. Raises ValueError with its last word where it says nothing."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write("".join(part.values()))
        file.flush()
        words = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
        done = subprocess.run([program, *words, "-r", file.name], capture_output=True, text=True, check=False)
    try:
        return list(json.loads(done.stdout)["dependencies"])
    except ValueError:
        raise ValueError((done.stderr.strip().splitlines() or ["it said nothing"])[-1]) from None


def main(program: str, lock: str) -> int:
    parts = apart(lock)
    try:
        found = [one for part in parts for one in looked_up(program, part)]
    except ValueError as fault:
        print(f"{lock}: nothing was looked up: {fault}", file=sys.stderr)
        return NOT_LOOKED
    lines, code = told(found, [pinned for part in parts for pinned in part])
    print("\n".join(f"{lock}: {line}" for line in lines), file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
