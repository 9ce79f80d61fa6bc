"""Run as a program inside a stack's environment: make partners and some authorised people, print their keys."""

from __future__ import annotations

import itertools
import json
import os
import sys
from datetime import date, timedelta

os.environ["DJANGO_SETTINGS_MODULE"] = "abate.platform.config.settings"

import django

django.setup()

from django.contrib.auth.hashers import PBKDF2PasswordHasher  # noqa: E402

from abate.demo import desk  # noqa: E402
from abate.platform.doors import clock  # noqa: E402
from abate.platform.people import actions as people  # noqa: E402
from abate.platform.people.identity import made_up_number  # noqa: E402


def main(counts: list[int]) -> None:
    # A third of a second for each secret is a guesser's price; nobody guesses here.
    PBKDF2PasswordHasher.iterations = 1_000
    behaviours, made, born = ["online-meeting", "cycling"], [], itertools.count()
    for number, count in enumerate(counts):
        code = f"faults{number or ''}"
        party = desk.create_party(code, "data_provider", "故障测试", "Fault test", behaviours, made_up=True)
        client_id, secret = desk.issue_client(party)
        subjects = []
        # They joined before the load's events: an act before its authorisation counts nothing.
        with clock.frozen(clock.now() - timedelta(days=40)):
            for one in itertools.islice(born, count):
                person = people.register("示例居民", made_up_number(date(1990, 1, 1), one), [f"p{one}@example.invalid"],
                                         notice_version="1", made_up=True)  # fmt: skip
                subjects.append(people.authorise(person, party, behaviours, notice_version="1"))
        made.append({"client_id": client_id, "secret": secret, "subjects": subjects})
    print(json.dumps({"parties": made}))


if __name__ == "__main__":
    main([int(count) for count in sys.argv[1:]])
