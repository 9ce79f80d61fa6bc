"""In which order workers take tests: what takes long is begun first, or one worker would be at it when all others are done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import TypeVar

LONG = (
    "platform/review/test_matrix.py",
    "faults/test_kill.py",
    "faults/test_stream_killed.py",
    "faults/test_backup.py",
    "simulator/test_planted.py",
    "browser/test_joining_path.py",
    "faults/test_kill_taking_back.py",
    "api/test_generated_calls.py",
    "platform/web/test_hostile_text.py",
    "demo/test_demo.py",
    "platform/streams/test_streams.py",
    "cli/test_sandbox.py",
    "faults/test_every_call.py",
    "engines/test_equal_rows.py",
    "browser/test_every_page.py",
    "browser/test_main_path.py",
    "browser/test_passkeys.py",
    "browser/test_three_people.py",
    "simulator/test_simulator.py",
    "platform/people/test_canaries_on_pages.py",
    "platform/web/test_statement.py",
    "engines/test_cases_on_spark.py",
    "faults/test_reorder.py",
    "cli/test_bench_aims.py",
    "house/test_sbom.py",
    "cli/test_serve.py",
)
"""Files with a test, or with something made for their tests, of more than ten seconds; those with the longest first."""
T = TypeVar("T")


def dealt(tests: Sequence[tuple[str, T]], workers: int) -> list[T]:
    """Tests, each with its file under tests/, in an order by which each worker begins with its share of the long files and has
    as many tests as the next: pytest-xdist gives each an equal run of what is collected, and lets who is done take from the
    end of another's.
    """
    here = [name for name in LONG if any(file == name for file, _ in tests)]
    shares = [
        [one for name in here[first::workers] for file, one in tests if file == name]
        for first in range(workers)
    ]
    quick = iter([one for file, one in tests if file not in LONG])
    return [*chain.from_iterable(_filled(shares, quick, len(tests))), *quick]


def _filled(shares: list[list[T]], quick: Iterator[T], left: int) -> Iterator[list[T]]:
    for number, share in enumerate(shares):
        size = left // (len(shares) - number)
        filled = share + list(islice(quick, max(0, size - len(share))))
        left -= len(filled)
        yield filled
