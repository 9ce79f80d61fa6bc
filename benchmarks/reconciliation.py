"""A partner's file of a day against the books: rows in, verdicts out, beside copying the same rows into a table.

The day is a million events of one partner, put into the tables as the main path leaves them; the file names them all, with
outcome and milligrams, a thousand of each kind of break among them. What is timed is the whole action: reading, COPY,
full join, breaks. The baseline is COPY of the same rows into a temporary table of the same columns.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

NAME = "reconciliation"
ABOUT = "a partner's file of a day against the books, beside copying its rows"

# Events that were kept without credits: the comparison reads them through the same view as awards.
_DAY = """
insert into carbon_kept (person_id, batch_id, place, party_id, event_id, basis_id, occurred_at, day, outcome, reason,
                         be_mg, pe_mg, le_mg, er_mg, record)
select %(person)s, 1, n, %(party)s, 'event-' || n, 1, %(day)s::date + interval '1 hour', %(day)s, 7, null, 0, 0, 0, n, '{}'
from generate_series(0, %(rows)s - 1) n
"""


def day_of(party_id: int, person_id: int, rows: int, day: date) -> None:
    """Put `rows` events of one partner and day into the books."""
    from django.db import connection  # lazy: needs Django set up

    with connection.cursor() as cursor:
        cursor.execute(_DAY, {"party": party_id, "person": person_id, "rows": rows, "day": day})
        cursor.execute("analyze carbon_kept")


def file_of(rows: int, broken: int) -> bytes:
    """The partner's file: the first `broken` left out, as many differ, as many are not here."""
    lines = ["event,outcome,er_mg"]
    lines += [f"event-{n},not_below_baseline,{n + (n < 2 * broken)}" for n in range(broken, rows)]
    lines += [f"other-{n},not_below_baseline,1" for n in range(broken)]
    return "\n".join(lines).encode()


def run(options: dict[str, Any]) -> dict[str, Any]:
    """`rows` (1,000,000) events, `rounds` (3)."""
    rows, rounds = int(options.get("rows") or 1_000_000), int(options.get("rounds") or 3)
    with tempfile.TemporaryDirectory(prefix="abate-reconciliation-") as name:
        from abate.platform.config import setup  # lazy: Django starts here
        from abate.platform.doors import logins, private_postgres  # lazy: as above

        os.environ["ABATE_DATA_DIR"] = name
        try:
            setup.environment(Path(name), begin=True)
            # One login that owns: its tables' statistics are only its to take.
            os.environ["DATABASE_URL"] = os.environ.pop(logins.OWNER)
            setup.migrate()
            return _measure(rows, rounds)
        finally:
            private_postgres.stop(Path(name))


def _measure(rows: int, rounds: int) -> dict[str, Any]:
    from django.db import connection, transaction  # lazy: needs Django set up

    from abate.demo import desk  # lazy: as above
    from abate.platform.doors import clock  # lazy: as above
    from abate.platform.reconciliation import actions, reading  # lazy: as above
    from abate.platform.reconciliation.models import Side  # lazy: as above
    from abate.platform.reconciliation.queries import SQL  # lazy: as above

    day = clock.today() - timedelta(days=1)
    party = desk.create_party("bench", "data_provider", "基准", "Benchmark", [], made_up=True)
    day_of(party.pk, 1, rows, day)
    data = file_of(rows, rows // 1000)
    whole, bare = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        result = actions.compare(party, day, data, "csv", via="file")
        whole.append(time.perf_counter() - began)
        items = reading.read(data, "csv", Side.EVENTS, "bench", day)
        began = time.perf_counter()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(SQL["stage"])
            with cursor.copy(SQL["copy"]) as copy:
                for one in items:
                    copy.write_row((one.line, one.item, one.label, one.outcome, one.er_mg, one.credits))
        bare.append(time.perf_counter() - began)
    if result.open != 3 * (rows // 1000):
        raise RuntimeError(f"{result.open} breaks are open, not what was planted")
    return {
        "rows": rows,
        "breaks": result.open,
        "seconds": round(statistics.median(whole), 2),
        "seconds_of_copy": round(statistics.median(bare), 2),
        "over_copy": round(statistics.median(w / b for w, b in zip(whole, bare, strict=True)), 2),
    }
