"""Files of every kind: the same events, judged as over HTTP; rehearsed, gone on with, and given back with their errors."""

from __future__ import annotations

import csv
import json
import resource
import zipfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import python_calamine
import xlsxwriter
from click.testing import CliRunner
from tests.platform.pipeline.world import NOW, World, differences, make_world, state

from abate.cli.load import command, load
from abate.platform import pipeline
from abate.platform.doors import clock
from abate.platform.doors.errors import SetupError
from abate.platform.events.models import File, FileRow
from abate.platform.events.tables import ERROR

pytestmark = [pytest.mark.platform, pytest.mark.clause("P-8.5-a")]
KINDS = ("csv", "xlsx", "parquet", "jsonl")
WRONG = (4, 11)


@pytest.fixture
def world(transactional_db: None, settings: Any) -> Iterator[World]:
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW):
        yield make_world(2)


def flat(world: World, number: int = 20, wrong: tuple[int, ...] = WRONG) -> list[dict[str, str]]:
    """Rides as rows of texts, some of negative length."""
    found = []
    for n in range(number):
        event = world.ride(f"r{n}", n % 2, km="-1" if n in wrong else "1.5")
        found.append(
            {"id": event["id"], "behaviour": "cycling", "subject": event["subject"], "time": event["time"]}
        )
        found[-1] |= event["data"]
    return found


def write(rows: list[dict[str, str]], path: Path, *, encoding: str = "utf-8") -> Path:
    names = list(rows[0])
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding=encoding) as file:
            out = csv.DictWriter(file, names)
            out.writeheader()
            out.writerows(rows)
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".xlsx":
        with xlsxwriter.Workbook(path, {"strings_to_formulas": False, "strings_to_numbers": True}) as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, names)
            for number, row in enumerate(rows, 1):
                sheet.write_row(number, 0, list(row.values()))
    else:
        envelope = ("id", "behaviour", "subject", "time")
        lines = [
            {"specversion": "1.0", "source": "SOURCE", "type": f"org.abate.behaviour.{row['behaviour']}",
             **{name: row[name] for name in ("id", "subject", "time")},
             "data": {name: value for name, value in row.items() if name not in envelope}}
            for row in rows
        ]  # fmt: skip
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def made(world: World, path: Path, **options: Any) -> Path:
    written = write(flat(world, **options), path)
    if path.suffix == ".jsonl":
        path.write_text(path.read_text().replace("SOURCE", world.sender.code))
    return written


def read(path: Path) -> list[dict[str, Any]]:
    """A file as plain rows, by other means than the code under test has."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()  # type: ignore[no-any-return]
    if path.suffix == ".xlsx":
        names, *rows = python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_name("data").to_python()
        return [
            {k: f"{v:g}" if isinstance(v, float) else v for k, v in zip(names, row, strict=True)}
            for row in rows
        ]
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_kind_means_the_same_events(world: World, tmp_path: Path) -> None:
    code = world.sender.code
    for place, kind in enumerate(KINDS):
        found = load(made(world, tmp_path / f"rides.{kind}"), code, 7)
        assert found == {"exists" if place else "credited": 18, "refused": 2}, kind
    assert differences() == {}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_table_of_a_city_with_its_own_names_units_and_zone(
    world: World, tmp_path: Path, encoding: str
) -> None:
    """What it says in metres, local time and Chinese is the event that HTTP has in kilometres with an offset."""
    rows = [
        {"编号": row["id"], "用户": row["subject"], "时间": "2026-05-20 10:30:00", "行程号": row["trip_id"],
         "开始": "2026-05-20 10:30:00", "结束": "2026-05-20 10:50:00", "里程（米）": f"{1500 + n}"}
        for n, row in enumerate(flat(world, 6, ()))
    ]  # fmt: skip
    path = write(rows, tmp_path / "行程.csv", encoding=encoding)
    declared = {
        "charset": "gbk" if encoding == "gb18030" else "utf-8",
        "zone": "Asia/Shanghai",
        "columns": {"编号": "id", "用户": "subject", "时间": "time", "行程号": "trip_id", "开始": "start",
                    "结束": "end", "里程（米）": "distance_km"},
        "units": {"distance_km": "m"},
        "constants": {"behaviour": "cycling"},
    }  # fmt: skip
    assert load(path, world.sender.code, 50, declared=json.dumps(declared)) == {"credited": 6}
    again = world.send(*[world.ride(f"r{n}", n % 2, km=f"1.{500 + n}") for n in range(6)])
    assert {one.outcome.text for one in again} == {"exists"}


def test_what_a_unit_makes_too_fine_is_refused_and_never_rounded(world: World, tmp_path: Path) -> None:
    rows = flat(world, 3, ())
    rows[1]["distance_km"] = "1500.5"
    rows[0]["distance_km"] = rows[2]["distance_km"] = "1500"
    path = write(rows, tmp_path / "rides.csv")
    assert load(path, world.sender.code, 9, declared='{"units": {"distance_km": "m"}}') == {
        "credited": 2,
        "refused": 1,
    }
    assert FileRow.objects.get().reason.endswith(":distance_km")


@pytest.mark.parametrize("there", ["file", "link", "link to nothing", "device"])
def test_it_is_given_back_as_a_new_file_alone(tmp_path: Path, there: str) -> None:
    path, back, theirs = tmp_path / "rides.csv", tmp_path / "back.csv", tmp_path / "theirs"
    path.write_text("id\n")
    if there == "device":
        back = Path("/dev/stdout")
    elif there == "file":
        back.write_text("as it was")
    else:
        back.symlink_to(theirs)
        if there == "link":
            theirs.write_text("as it was")
    made = CliRunner().invoke(command, [str(path), "--party", "x", "--back", str(back)])
    assert made.exit_code == 2 and f"{back} is there already" in made.stderr
    assert there in ("device", "link to nothing") or back.read_text() == "as it was"


def test_it_is_given_back_under_the_longest_name_and_says_where_it_cannot_be(
    world: World, tmp_path: Path
) -> None:
    path, back = made(world, tmp_path / "rides.csv"), tmp_path / ("x" * 251 + ".csv")
    with pytest.raises(SetupError, match="cannot be written: No such file"):
        load(path, world.sender.code, 9, back=tmp_path / "nowhere" / "back.csv")
    assert load(path, world.sender.code, 9, back=back) == {"exists": 18, "refused": 2}
    assert len(read(back)) == 20
    assert {one.name for one in tmp_path.iterdir()} == {path.name, back.name, "rides.csv.errors.jsonl"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_rehearsal_says_what_would_come_and_books_nothing(world: World, tmp_path: Path, kind: str) -> None:
    rows = [*flat(world, 12, (4,)), *flat(world, 2, ())]
    rows[-1]["distance_km"] = "2.5"  # another content under an id of an earlier chunk
    path = write(rows, tmp_path / f"rides.{kind}")
    if kind == "jsonl":
        path.write_text(path.read_text().replace("SOURCE", world.sender.code))
    before = state()
    expected = {"credited": 11, "refused": 1, "exists": 1, "conflict": 1}
    assert load(path, world.sender.code, 5, rehearsal=True) == expected
    assert state() == before
    foreseen = [(row.line, row.reason) for row in FileRow.objects.order_by("line")]
    assert load(path, world.sender.code, 5) == expected
    booked = FileRow.objects.filter(file_id=File.objects.get(rehearsal=False).pk).order_by("line")
    assert [(row.line, row.reason) for row in booked] == foreseen and differences() == {}


@pytest.mark.parametrize("where", ["before the commit", "after it"])
@pytest.mark.parametrize("kind", KINDS)
def test_stopped_in_between_it_goes_on_to_the_result_of_one_run(
    world: World, tmp_path: Path, kind: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(world, tmp_path / f"rides.{kind}")
    really, calls = pipeline.run_batch, []

    def dying(*arguments: Any, then: Any, **options: Any) -> Any:
        calls.append(1)

        def last(results: Any) -> None:
            then(results)
            if len(calls) == 3 and where == "before the commit":
                raise KeyboardInterrupt

        done = really(*arguments, then=last, **options)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return done

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "run_batch", dying)
        with pytest.raises(KeyboardInterrupt):
            load(path, world.sender.code, 5)
    assert File.objects.get().rows == (10 if where == "before the commit" else 15)
    back = tmp_path / f"back.{kind}"
    # Another size of chunks than before: nothing depends on where one ended.
    assert load(path, world.sender.code, 3, back=back) == {"credited": 18, "refused": 2}
    assert File.objects.count() == 1 and FileRow.objects.count() == 2
    twin = make_world(2)
    other = made(twin, tmp_path / f"twin.{kind}")
    assert load(other, twin.sender.code, 5, back=tmp_path / f"one.{kind}") == {"credited": 18, "refused": 2}
    assert world.totals() == twin.totals() and differences() == {}
    errors = [[row.get(ERROR) or "" for row in read(one)] for one in (back, tmp_path / f"one.{kind}")]
    assert errors[0] == errors[1] and [n for n, text in enumerate(errors[0]) if text] == list(WRONG)


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_comes_back_mended_and_is_loaded_as_it_is(world: World, tmp_path: Path, kind: str) -> None:
    path, back = made(world, tmp_path / f"rides.{kind}"), tmp_path / f"back.{kind}"
    load(path, world.sender.code, 6, back=back)
    sent, came = read(path) if kind != "xlsx" else flat(world), read(back)
    assert len(came) == 20
    for number, (was, now) in enumerate(zip(sent, came, strict=True)):
        error = now.pop(ERROR, None) or ""
        assert ("out_of_range:distance_km" in error) == (number in WRONG) and bool(error) == (number in WRONG)
        assert {k: str(v) for k, v in now.items()} == {k: str(v) for k, v in was.items()}
    if kind == "xlsx":
        book = python_calamine.CalamineWorkbook.from_path(back)
        assert [row[0] for row in book.get_sheet_by_name("errors").to_python()[1:]] == [6.0, 13.0]
    # The column stays where it is; only the figures are mended.
    if kind == "csv":
        back.write_text(back.read_text("utf-8-sig").replace(",-1,", ",1.5,"), "utf-8")
    elif kind == "jsonl":
        back.write_text(back.read_text().replace('"-1"', '"1.5"'))
    else:
        rows = [{k: str(v or "") for k, v in row.items()} for row in read(back)]
        write([row | {"distance_km": "1.5"} for row in rows], back)
    assert load(back, world.sender.code, 6) == {"exists": 18, "credited": 2}


FORMULAS = (
    '=HYPERLINK("http://x.invalid","y")',
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "'=1",
    "\t=1",
    "＝1+1",
    "＠SUM(A1)",
)


def test_no_cell_of_ours_is_a_formula(world: World, tmp_path: Path) -> None:
    rows = flat(world, len(FORMULAS), ())
    for row, text in zip(rows, FORMULAS, strict=True):
        row["id"], row["distance_km"] = text, "-1"
    plain = write(rows, tmp_path / "rides.csv")
    load(plain, world.sender.code, 9, back=tmp_path / "back.csv")
    cells = [row["id"] for row in read(tmp_path / "back.csv")]
    assert all(cell.startswith("'") for cell in cells)
    assert [row["distance_km"] for row in read(tmp_path / "back.csv")] == ["-1"] * len(FORMULAS), (
        "a number is none"
    )
    # What is marked is read as what it was: mended, the ids are the same.
    before = sorted(FileRow.objects.values_list("event_id", flat=True), key=str)
    load(tmp_path / "back.csv", world.sender.code, 9)
    again = FileRow.objects.exclude(file_id=File.objects.order_by("at").first().pk)
    assert sorted(again.values_list("event_id", flat=True), key=str) == before
    book = write(rows, tmp_path / "rides.xlsx")
    load(book, world.sender.code, 9, back=tmp_path / "back.xlsx")
    with zipfile.ZipFile(tmp_path / "back.xlsx") as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    assert not any(b"<f>" in text or b"<f " in text for text in parts.values())
    assert not any("externalLink" in name or b'TargetMode="External"' in text for name, text in parts.items())


def processor() -> float:
    """Seconds of processor time of this process and of its children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_thousand_rows_with_one_in_a_hundred_wrong(
    transactional_db: None, settings: Any, tmp_path: Path, kind: str
) -> None:
    settings.ABATE_OPERATOR_PACK = "demo"
    with clock.frozen(NOW):
        world = make_world(500)
        rows = []
        for n in range(100_000):
            event = world.ride(f"r{n}", n % 500, km="-1" if n % 100 == 7 else "1.5")
            rows.append({"id": event["id"], "behaviour": "cycling", "subject": event["subject"],
                         "time": event["time"], **event["data"]})  # fmt: skip
        path = write(rows, tmp_path / f"rides.{kind}")
        if kind == "jsonl":
            path.write_text(path.read_text().replace("SOURCE", world.sender.code))
        begun, busy = monotonic(), processor()
        found = load(path, world.sender.code, 20_000, back=tmp_path / f"back.{kind}")
        took, busy = monotonic() - begun, processor() - busy
        print(f"{kind}: 100,000 rows booked and given back in {took:.1f} s, {busy:.1f} s of them at work")
        # By the processor, beside the database's: what else runs on the machine does not count.
        assert found == {"credited": 99_000, "refused": 1_000} and busy < 60
        assert sum(bool(row.get(ERROR)) for row in read(tmp_path / f"back.{kind}")) == 1_000
