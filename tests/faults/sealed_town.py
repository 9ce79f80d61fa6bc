"""Run as a program inside a stack's environment: rows at every place that the master key seals, and what they open to.

`fill N` makes them, with N people, and signs a security administrator in at the shell; `enter` does the latter alone; `opened`
prints what each opens to.
"""

from __future__ import annotations

import json
import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "abate.platform.config.settings"
# Our own: the folder above holds the tests.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

import django

django.setup()

from django.contrib.auth.hashers import PBKDF2PasswordHasher  # noqa: E402
from tests.platform.config import under_master  # noqa: E402
from tests.platform.review.shell import signed_in  # noqa: E402

from abate.cli import deciding  # noqa: E402
from abate.platform.config import rewrapping, setup  # noqa: E402


def main(words: list[str]) -> None:
    # A third of a second for each secret is a guesser's price; nobody guesses here.
    PBKDF2PasswordHasher.iterations = 1_000
    if words[0] != "opened":
        setup.environment = lambda *_, **__: None
        setup.migrate = lambda: None
        assert deciding.session_file()
        if words[0] == "fill":
            under_master.fill(int(words[1]))
        signed_in("security_admin")
    plain = {
        place: {number: text.hex() for number, text in rows.items()}
        for place, rows in under_master.opened().items()
    }
    print(json.dumps({"plain": plain, "under": rewrapping.totals()}))


if __name__ == "__main__":
    main(sys.argv[1:])
