"""`make holes`: each package of a lock held against the lists of known holes, by pip-audit; usage: holes.py PIP-AUDIT LOCK

Exit 0: all were looked up, and none has a known hole. 1: some have; each is named, with the versions that mend it. 3: not all
were looked up, as without a way to the lists; what was not looked at is never told as whole.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

HOLES, NOT_LOOKED = 1, 3


def told(found: dict[str, Any]) -> tuple[list[str], int]:
    """What pip-audit's JSON says, a line each, and the exit code."""
    packages = found["dependencies"]
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    lines = [
        f"{one['name']} {one['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'no version yet'}"
        for one in packages
        for hole in one.get("vulns", ())
    ]
    holes = len(lines)
    if skipped or not packages:
        lines.append(
            f"not looked up: {len(skipped)} of {len(packages)} packages ({', '.join(skipped[:5])} ...)"
        )
        lines.append(
            "The lists of known holes do not know them, or there is no way to the lists: this says nothing of them."
        )
    lines.append(f"{len(packages) - len(skipped)} packages looked up, {holes} known holes")
    return lines, HOLES if holes else NOT_LOOKED if skipped or not packages else 0


def main(program: str, lock: str) -> int:
    words = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json", "-r", lock]
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        print(f"{lock}: nothing was looked up: {last}", file=sys.stderr)
        return NOT_LOOKED
    lines, code = told(found)
    print("\n".join(f"{lock}: {line}" for line in lines), file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
