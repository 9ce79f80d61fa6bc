"""Long tests are begun first, by each worker its share, and none is lost or run twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.order import LONG, dealt

TESTS = Path(__file__).resolve().parents[1]


def test_every_long_file_is_there() -> None:
    assert [name for name in LONG if not (TESTS / name).is_file()] == []
    assert len(set(LONG)) == len(LONG)


@pytest.mark.parametrize("workers", [1, 2, 3, 4])
@pytest.mark.parametrize("quick", [0, 2, 500])
def test_each_worker_begins_with_its_share_of_the_long_ones(workers: int, quick: int) -> None:
    files = [*(f"a/test_{n}.py" for n in range(quick)), *reversed(LONG), *(LONG[1:3] if quick else ())]
    tests = [(file, (file, number)) for number, file in enumerate(files)]
    order = dealt(tests, workers)
    assert sorted(order) == sorted(one for _, one in tests)
    if quick == 500:
        left, start, begun = len(order), 0, []
        for number in range(workers):
            begun.append(order[start][0])
            share = left // (workers - number)
            start, left = start + share, left - share
        assert begun == list(LONG[:workers])
        # Those of one file stay together: what is made for them is made once.
        place = [number for number, (file, _) in enumerate(order) if file == LONG[1]]
        assert place == [place[0], place[0] + 1]
