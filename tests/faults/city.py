"""Run as a program inside a stack's environment: make a partner and some authorised people, print their keys."""

from __future__ import annotations

import json
import os
import sys
from datetime import date, timedelta

os.environ["DJANGO_SETTINGS_MODULE"] = "abate.platform.config.settings"

import django

django.setup()

from abate.demo import desk  # noqa: E402
from abate.platform.doors import clock  # noqa: E402
from abate.platform.people import actions as people  # noqa: E402
from abate.platform.people.identity import made_up_number  # noqa: E402


def main(count: int) -> None:
    behaviours = ["online-meeting", "cycling"]
    party = desk.create_party("faults", "data_provider", "故障测试", "Fault test", behaviours, made_up=True)
    client_id, secret = desk.issue_client(party)
    subjects = []
    # They joined before the load's events: an act before its authorisation counts nothing.
    with clock.frozen(clock.now() - timedelta(days=40)):
        for number in range(count):
            person = people.register("示例居民", made_up_number(date(1990, 1, 1), number), [f"p{number}@example.invalid"],
                                     notice_version="1", made_up=True)  # fmt: skip
            subjects.append(people.authorise(person, party, behaviours, notice_version="1"))
    print(json.dumps({"client_id": client_id, "secret": secret, "subjects": subjects}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
