"""Run as a program inside a stack's environment: put its figures in force, and decide on what they change for cycling."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from datetime import date

os.environ["DJANGO_SETTINGS_MODULE"] = "abate.platform.config.settings"

import django

django.setup()

from abate.demo import desk  # noqa: E402
from abate.platform import revaluing  # noqa: E402
from abate.platform.carbon.revaluing import Asked  # noqa: E402


def main(first: str, last: str) -> None:
    desk.decide("basis.adopt")
    shown = revaluing.propose(Asked("cycling", date.fromisoformat(first), date.fromisoformat(last)))
    reason = {"reason_zh": "基准因子已更换", "reason_en": "the baseline figure was replaced"}
    days = {"from_day": first, "to_day": last}
    desk.decide("revalue.book", behaviour="cycling", digest=shown.digest, **days, **reason)
    print(json.dumps(asdict(shown)))


if __name__ == "__main__":
    main(*sys.argv[1:])
