"""Awards of this ledger beside transfers of pgledger, on the same server with the same durability, in turns.

Ours is measured twice. `batch` is the whole path of an event: staging, authorisation, ids, one act once, balances,
entries with quantities, what the log will hold. `ledger` is what pgledger does too, and no more than our ledger does:
amounts for people who are named by their number, to balances, entries with running balances, and what the log will
hold, in one durable transaction. pgledger books a transfer from an account `issuance` to the person, as an award is one,
or, in single calls, also between random pairs of people, where no account is hot. Its SQL is not shipped: name a file of
it (with the function `uuid_to_ulid` that it needs) in ABATE_PGLEDGER_SQL.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from benchmarks import events_postgres
from benchmarks.processor import spent

NAME = "pgledger"
ABOUT = "awards beside transfers of pgledger (its SQL named by ABATE_PGLEDGER_SQL)"
PEOPLE = 10_000
BATCH = 10_000
# What `abate load --batch` admits at most: an account is raised once a batch, so a larger one suits this ledger better.
LARGE = 50_000
# pgledger goes through a batch row by row, gathering ids in arrays: a smaller batch may suit it better.
THEIR_BATCHES = (100, 1_000, 10_000)
SINGLES = 300


def run(options: dict[str, Any]) -> dict[str, Any]:
    """`rounds` (3). Rates are awards or transfers a second, ratios are taken within a round."""
    named = os.environ.get("ABATE_PGLEDGER_SQL")
    if not named or not Path(named).is_file():
        return {"skipped": "ABATE_PGLEDGER_SQL names no file with pgledger's SQL"}
    rounds = int(options.get("rounds") or 3)
    with events_postgres.platform() as server:
        events_postgres.make_people(PEOPLE)
        accounts = _install(Path(named).read_text(encoding="utf-8"))
        events, random = events_postgres.rides(Random(1)), Random(2)
        found = [_round(events, accounts, random) for _ in range(rounds)]
        return {
            "server": server,
            "people": PEOPLE,
            "per_second": {name: _middle(found, name, "wall") for name in found[0]},
            "per_processor_second": {name: _middle(found, name, "processor") for name in found[0]},
            "ledger_ratio": _ratio(found, "ledger", [f"pgledger {size}" for size in THEIR_BATCHES]),
            "ledger_ratio_best_batches": _ratio(
                found, "ledger large", [f"pgledger {size}" for size in THEIR_BATCHES]
            ),
            "ledger_ratio_same_batch": _ratio(found, "ledger", [f"pgledger {BATCH}"]),
            "batch_ratio": _ratio(found, "batch", [f"pgledger {size}" for size in THEIR_BATCHES]),
            "single_ratio": _ratio(found, "single", ["pgledger single", "pgledger pairs"]),
            "disagreements": _differences(),
        }


def _install(text: str) -> list[str]:
    """pgledger in a schema of its own; its account of issuance, then one for each person."""
    _ask("create schema pgledger")
    _ask("set search_path to pgledger")
    _ask(text)
    for name in ["issuance"] + [f"person-{n}" for n in range(PEOPLE)]:
        _ask("select id from pgledger_create_account(%s, 'MG')", (name,))
    # Ours first; no name is in both.
    _ask("set search_path to public, pgledger")
    _ask("vacuum analyze")
    return [row[0] for row in _ask("select id from pgledger.pgledger_accounts order by (name <> 'issuance')")]


def _round(events: Iterator[Any], accounts: list[str], random: Random) -> dict[str, tuple[float, float]]:
    """(wall, processor) rates of each way, in turns."""
    from abate.platform import pipeline  # lazy: needs Django set up

    found = {}
    batch, _, _ = events_postgres.prepared(events, BATCH)
    found["batch"] = _rate(BATCH, lambda: pipeline.book(batch, everything=False))
    for name, size in (("ledger", BATCH), ("ledger large", LARGE)):
        batch, _, _ = events_postgres.prepared(events, size)
        people = _people(batch)
        found[name] = _rate(size, lambda batch=batch, people=people: _award(batch, people))
    for size in THEIR_BATCHES:
        found[f"pgledger {size}"] = _rate(BATCH, lambda size=size: _transfers(accounts, random, size))
    singles = [events_postgres.prepared(events, 1)[0] for _ in range(SINGLES)]
    found["single"] = _rate(SINGLES, lambda: [pipeline.book(one) for one in singles])
    found["pgledger single"] = _rate(SINGLES, lambda: _transfers(accounts, random, 1, SINGLES))
    found["pgledger pairs"] = _rate(SINGLES, lambda: _transfers(accounts, random, 1, SINGLES, pairs=True))
    return found


def _differences() -> dict[str, int]:
    """What does not add up in the ledger: nothing. Awards of the ledger alone have no event, which is not looked for."""
    from abate.platform.ledger import queries  # lazy: as above

    found = queries.differences()
    return {name: number for name, number in found.items() if number}


def _people(batch: Any) -> list[int]:
    """Numbers of the people of a batch, in the order in which its events name them."""
    return [
        row[0]
        for row in _ask(
            "select known.person_id from unnest(%s::text[]) with ordinality as asked (subject, nth)"
            " join people_subject known on known.subject = asked.subject order by nth",
            (batch.subjects.names,),
        )
    ]


def _award(batch: Any, people: list[int]) -> None:
    """The ledger's own part of a batch."""
    from django.db import transaction  # lazy: needs Django set up

    from abate.platform import pipeline  # lazy: as above
    from abate.platform.carbon import actions as carbon  # lazy: as above
    from abate.platform.credits import queries as rules  # lazy: as above
    from abate.platform.doors import clock  # lazy: as above
    from abate.platform.doors.workspace import prepare, workspace  # lazy: as above
    from abate.platform.events import actions as intake  # lazy: as above
    from abate.platform.ledger import awards  # lazy: as above

    prepare(pipeline.TABLES)
    now, party = clock.now(), batch.arrival.sender.party_id
    with transaction.atomic(), workspace() as cursor:
        number = intake.open_batch(cursor, batch.arrival)
        bases = carbon.number_bases(cursor, batch.bases, now)
        intake.stage(cursor, batch.rows)
        cursor.execute(
            _WHO, (party, number, people, batch.subjects.entries, batch.subjects.er_mg), prepare=False
        )
        terms = awards.Terms(now, party, number, bases, rules.credits_per_kg(clock.day(now)))
        awards.book(cursor, terms, everything=False)


_WHO = """
insert into events_who (who, party_id, batch_id, behaviour, person_id, commit_key, entries, er_mg, eligible_mg)
select who, %s, %s, 'cycling', person.id, person.commit_key, entries, er_mg, er_mg
from unnest(%s::bigint[], %s::int[], %s::bigint[]) with ordinality as asked (person_id, entries, er_mg, who)
join people_person person on person.id = asked.person_id
"""


def _transfers(
    accounts: list[str], random: Random, size: int, count: int = BATCH, pairs: bool = False
) -> None:
    for _ in range(count // size):
        chosen = [1 + int(PEOPLE * random.random() ** 2) for _ in range(size)]
        payers = [
            accounts[1 + (who + random.randrange(PEOPLE - 1)) % PEOPLE] if pairs else accounts[0]
            for who in chosen
        ]
        _ask(
            "select count(*) from pgledger.pgledger_create_transfers("
            "(select array_agg((payer, payee, mg)::pgledger.transfer_request)"
            " from unnest(%s::text[], %s::text[], %s::numeric[]) line (payer, payee, mg)))",
            (payers, [accounts[who] for who in chosen], [random.randrange(1, 500_000) for _ in chosen]),
        )


def _rate(count: int, work: Callable[[], object]) -> tuple[float, float]:
    with spent() as took:
        work()
    return count / took.wall, count / max(took.processor, 1e-3)


def _ask(statement: str, values: tuple[object, ...] | None = None) -> list[tuple[Any, ...]]:
    """One statement, one transaction."""
    from django.db import connection  # lazy: needs Django set up

    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def _middle(found: list[dict[str, tuple[float, float]]], name: str, which: str) -> int:
    place = 0 if which == "wall" else 1
    return round(statistics.median(one[name][place] for one in found))


def _ratio(found: list[dict[str, tuple[float, float]]], ours: str, theirs: list[str]) -> dict[str, float]:
    """Against the quickest of pgledger's ways in each round."""
    return {
        which: round(statistics.median(one[ours][p] / max(one[t][p] for t in theirs) for one in found), 2)
        for p, which in enumerate(("wall", "processor"))
    }
