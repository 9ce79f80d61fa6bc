"""`abate setup`: guided and from a file, repeated, cut off after every step, and refused in words; nothing half done."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from django.db import connection

from abate.cli.setup import command
from abate.platform.config import first_run, questions, setup
from abate.platform.config.errors import (
    AnswerMissing,
    AnswersUnreadable,
    AnswerWrong,
    EnvironmentDiffers,
    Governed,
    Placed,
)
from abate.platform.doors import keyring, settings_file
from abate.platform.doors.errors import SetupError

pytestmark = [pytest.mark.platform]
ROOT = Path(__file__).resolve().parents[2]
PEOPLE = "identity,roles\nMU000001,security_admin\nMU000002,entry\nMU000003,check\nMU000004,approve\n"
STEPS = ["settings", "secrets", "database", "people", "basis", "backup"]
CUT = """
import os
import abate.cli.setup as cli
from abate.platform.config import setup
from abate.platform.doors import settings_file
def cut(room, name):
    was = getattr(room, name)
    def door(*given, **more):
        if {after}:
            was(*given, **more)
        os._exit(137)
    setattr(room, name, door)
people = cli._people
def opening(given):
    from abate.platform.review import opening
    cut(opening, {name!r})
    return people(given)
if {room!r} == "opening":
    cli._people = opening
else:
    cut({{"settings_file": settings_file, "setup": setup}}[{room!r}], {name!r})
from abate.cli.main import main
main()
"""


@pytest.fixture
def place(
    transactional_db: None, waiting_for_disk: None, postgres_url: str, tmp_path: Path
) -> Iterator[tuple[Path, str]]:
    """A data folder, and the address of an empty database with this program's tables: a copy of the tests' own."""
    options = connection.get_connection_params()
    connection.close()
    name = "first_run"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"drop database if exists {name}")
        server.execute(f"create database {name} template {options['dbname']}")
    yield tmp_path / "here", f"postgresql://{options['user']}@/{name}?host={options['host']}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"drop database {name} with (force)")


def answers(folder: Path, address: str, **more: str) -> Path:
    given = {
        "log_name": "carbon.example.cn/log",
        "backup": "copies",
        "people": "people.csv",
        "database": address,
    } | more
    (folder / "people.csv").write_text(PEOPLE)
    file = folder / "answers.toml"
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in given.items()))
    return file


def abate(
    *words: object, program: str = "", given: str | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ABATE_", "DATABASE_"))}
    start = ["-c", program] if program else ["-m", "abate"]
    return subprocess.run([sys.executable, *start, *map(str, words)], env=kept | more, input=given, capture_output=True,
                          text=True, check=False, timeout=240)  # fmt: skip


def done(folder: Path) -> list[str]:
    told = abate("setup", "--check", "--data-dir", folder, "--json")
    assert "Traceback" not in told.stderr, told.stderr
    return [one["name"] for one in json.loads(told.stdout)["steps"] if one["done"]]


def readme(word: str) -> list[str]:
    """The command of README.md that begins so, as printed there."""
    (line,) = re.findall(rf"^\.venv/bin/abate ({word}.*)$", (ROOT / "README.md").read_text(), re.M)
    return str(line).split()


def test_guided_as_in_the_readme_to_the_first_upgrade(place: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = place[0], place[1].replace("@/", ":canary@/")
    typed = ["nowhere", "regional", "CN-上海市市", "CN-北京", "", "Asia/Nowhere", "", "",
             "postgresql://abate:canary@db:port/abate", address, "", "", "a name",
             "carbon.example.cn/log", str(tmp_path / "copies"), *[""] * 7,
             "s", "110101199003070000", "E10000001", "E10000002", "E10000003", "E10000004", "", ""]  # fmt: skip
    told = abate(*readme("setup"), given="\n".join(typed) + "\n", ABATE_DATA_DIR=str(folder))
    assert told.returncode == 0, told.stdout[-1500:] + told.stderr[-1500:]
    assert told.stdout.count("这个答案不能用") == 5, told.stdout
    assert told.stdout.count("这不是证件号码") == 2, (
        "a letter, and a resident's number with a wrong check sign"
    )
    assert "110101199003070000" not in told.stdout
    for word in (
        "决定方法学允许时",
        "security_admin: http://127.0.0.1:8000/sign-in/link/",
        "留给运营方决定",
        "abate party apply",
        "abate serve --sandbox",
    ):
        assert word in told.stdout
    assert settings_file.read(folder / "settings.env")["ABATE_REGION"] == "CN-北京"
    (tmp_path / "copies" / "base-20990101T000000Z").mkdir(parents=True)
    upgraded = abate(*readme("upgrade"), ABATE_DATA_DIR=str(folder))
    assert upgraded.returncode == 0 and "Nothing to do" in upgraded.stdout, upgraded.stdout
    assert len(list((folder / "upgrades").glob("*.json"))) == 1
    assert settings_file.read(folder / "settings.env")["DATABASE_URL"] == address
    assert "canary" not in told.stdout + told.stderr + upgraded.stdout + upgraded.stderr


def test_guided_in_the_language_asked_for_numbered_without_a_gap(tmp_path: Path) -> None:
    typed = [*[""] * 7, "", "carbon.example.cn/log", "copies", str(tmp_path / "copies"), *[""] * 7]
    told = {}
    for lang in ("zh", "en"):
        given = "\n".join(typed) + "\n"  # the terminal is closed before the first people are named
        run = abate("setup", "--lang", lang, given=given, ABATE_DATA_DIR=str(tmp_path / lang))
        told[lang] = run.stdout + run.stderr  # what is hidden while typed is asked for on either
        numbers = [int(found) for found in re.findall(r"^(\d+)\. ", told[lang], re.M)]
        assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) > 15
    assert "没有默认值，必须填写" in told["zh"] and "no default: this must be answered" in told["en"]
    assert "这个答案不能用" in told["zh"] and "这个答案不能用" not in told["en"]
    assert "cannot be used" in told["en"] and "cannot be used" not in told["zh"]
    assert "安全管理员: " in told["zh"] and "security administrator: " in told["en"]
    assert "CSV" not in told["zh"] + told["en"]


@pytest.mark.slow
def test_from_a_file_again_and_again_and_what_three_people_govern_is_refused(
    place: tuple[Path, str], tmp_path: Path
) -> None:
    folder, address = place
    first = abate("setup", "--answers", answers(tmp_path, address), "--data-dir", folder, "--json")
    made = json.loads(first.stdout)
    assert first.returncode == 0 and [one["roles"] for one in made["links"]] == [
        ["security_admin"],
        ["entry"],
        ["check"],
        ["approve"],
    ]
    kept = {name: (folder / name).read_bytes() for name in ("settings.env", "secrets.json")}
    again = abate("setup", "--answers", answers(tmp_path, address), "--data-dir", folder, "--json")
    assert again.returncode == 0 and json.loads(again.stdout)["links"] == []
    for name, value in (("grade_floor", "official-cn"), ("zone", "Asia/Tokyo")):
        refused = abate(
            "setup", "--answers", answers(tmp_path, address, **{name: value}), "--data-dir", folder
        )
        assert refused.returncode == 1 and "setting-governed" in refused.stderr and name in refused.stderr
    renamed = abate(
        "setup",
        "--answers",
        answers(tmp_path, address, log_name="other.example.cn/log"),
        "--data-dir",
        folder,
    )
    assert renamed.returncode == 1 and "setting-placed" in renamed.stderr
    assert kept == {name: (folder / name).read_bytes() for name in kept}
    # What nothing booked rests on may be answered anew.
    moved = abate(
        "setup", "--answers", answers(tmp_path, address, bind="127.0.0.1:8123"), "--data-dir", folder
    )
    assert (
        moved.returncode == 0
        and settings_file.read(folder / "settings.env")["ABATE_BIND"] == "127.0.0.1:8123"
    )


@pytest.mark.django_db(transaction=True)
def test_what_three_people_govern_is_given_directly_only_until_the_system_is_opened(tmp_path: Path) -> None:
    options = connection.get_connection_params()
    address = f"postgresql://{options['user']}@/{options['dbname']}?host={options['host']}"
    sound = {"log_name": "carbon.example.cn/log", "backup": "/copies", "database": address}
    first_run.write_settings(tmp_path, first_run.complete(tmp_path, sound), {})
    changed = first_run.complete(tmp_path, sound | {"grade_floor": "official-cn"})
    first_run.write_settings(tmp_path, changed, {})
    with connection.cursor() as cursor:
        cursor.execute("insert into review_opening (one, document, at) values (true, '{}', now())")
    with pytest.raises(Governed, match="grade_floor: official-cn -> standard"):
        first_run.write_settings(tmp_path, first_run.complete(tmp_path, {"grade_floor": "standard"}), {})
    first_run.write_settings(tmp_path, first_run.complete(tmp_path, {"bind": "127.0.0.1:8123"}), {})
    written = settings_file.read(tmp_path / settings_file.NAME)
    assert (written["ABATE_GRADE_FLOOR"], written["ABATE_BIND"]) == ("official-cn", "127.0.0.1:8123")
    assert written["ABATE_ORIGIN"] == "http://127.0.0.1:8123"


@pytest.mark.parametrize(("given", "origin"), [
    ({}, "http://127.0.0.1:8000"),
    ({"bind": "127.0.0.1:8123"}, "http://127.0.0.1:8123"),
    ({"bind": "127.0.0.1:8123", "origin": "https://a.example.cn"}, "https://a.example.cn"),
    ({"bind": "127.0.0.1:8123", "origin": "http://localhost:80"}, "http://localhost:80"),
])  # fmt: skip
def test_the_address_of_this_machine_goes_with_where_the_server_listens(
    given: dict[str, str], origin: str, tmp_path: Path
) -> None:
    """Links, receipts and signatures named a port at which nobody listened."""
    sound = {"log_name": "carbon.example.cn/log", "backup": "/copies"}
    assert first_run.complete(tmp_path, sound | given)["origin"] == origin


def test_so_does_that_of_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ABATE_SANDBOX_ORIGIN", "ABATE_SANDBOX_BIND", "ABATE_SANDBOX_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    setup._sandbox(tmp_path)
    assert os.environ["ABATE_ORIGIN"] == "http://127.0.0.1:8001"
    monkeypatch.setenv("ABATE_SANDBOX_BIND", "127.0.0.1:8732")
    setup._sandbox(tmp_path)
    assert os.environ["ABATE_ORIGIN"] == "http://127.0.0.1:8732"


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    """What a settings file put into this process's environment goes with the test."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.slow
@pytest.mark.parametrize(("room", "name", "after", "stands"), [
    ("settings_file", "write", False, []),
    ("settings_file", "write", True, ["settings"]),
    ("setup", "migrate", False, ["settings", "secrets"]),
    ("setup", "migrate", True, ["settings", "secrets", "database"]),
    ("opening", "open_system", False, ["settings", "secrets", "database"]),
    # The first people and their links are one step.
    ("opening", "open_system", True, ["settings", "secrets", "database"]),
    ("opening", "with_links", True, STEPS[:5]),
])  # fmt: skip
def test_cut_off_after_any_step_it_goes_on_where_it_was(
    room: str, name: str, after: bool, stands: list[str], place: tuple[Path, str], tmp_path: Path
) -> None:
    folder, address = place
    file = answers(tmp_path, address)
    program = CUT.format(room=room, name=name, after=after)
    cut = abate("setup", "--answers", file, "--data-dir", folder, program=program, DATABASE_URL=address)
    assert cut.returncode == 137, cut.stderr
    assert done(folder) == stands
    ended = abate("setup", "--answers", file, "--data-dir", folder)
    assert ended.returncode == 0, ended.stderr
    assert done(folder) == STEPS[:5]


@pytest.mark.parametrize(("given", "wrong"), [
    ({"region": "CN-北京"}, AnswerWrong),
    ({"factors": "regional"}, AnswerWrong),
    ({"region": "CN-atlantis", "factors": "regional"}, AnswerWrong),
    ({"grade_floor": "good"}, AnswerWrong),
    ({"zone": "../etc/passwd"}, AnswerWrong),
    ({"operator_pack": "demo"}, AnswerWrong),
    ({"database": "mysql://x/y"}, AnswerWrong),
    ({"origin": "https://a.example.cn/path"}, AnswerWrong),
    ({"bind": "0.0.0.0:8000"}, AnswerWrong),
    ({"log_name": "abate.invalid/log"}, AnswerWrong),
    ({"log_name": "a b"}, AnswerWrong),
    ({"backup": "relative"}, AnswerWrong),
    ({"messages": "no.such.Adapter"}, AnswerWrong),
    ({"zone": "UTC\nABATE_DEMO=1"}, AnswerWrong),
    ({"operator_name": "碳普惠\u2028Ltd"}, AnswerWrong),
    ({"operator_contact": "a\x0bb"}, AnswerWrong),
    ({"log_name": ""}, AnswerMissing),
    ({"backup": ""}, AnswerMissing),
])  # fmt: skip
def test_an_answer_that_cannot_be_used_is_named_and_nothing_is_written(
    given: dict[str, str], wrong: type[Exception], tmp_path: Path
) -> None:
    sound = {"log_name": "carbon.example.cn/log", "backup": "/copies"}
    with pytest.raises(wrong, match=next(iter(given))):
        first_run.complete(tmp_path / "d", sound | given)
    assert first_run.complete(tmp_path / "d", sound)["zone"] == "Asia/Shanghai"
    assert not (tmp_path / "d").exists()


def test_the_address_that_people_see_is_where_it_listens_unless_it_was_said(tmp_path: Path) -> None:
    sound = {"log_name": "carbon.example.cn/log", "backup": "/copies"}
    every = first_run.complete(tmp_path, sound | {"bind": "127.0.0.1:8123"})
    assert every["origin"] == "http://127.0.0.1:8123"
    first_run.write_settings(tmp_path, every, {})
    assert first_run.complete(tmp_path, {"bind": "127.0.0.1:8124"})["origin"] == "http://127.0.0.1:8124"
    said = {"origin": "https://carbon.example.cn"}
    first_run.write_settings(tmp_path, first_run.complete(tmp_path, said), {})
    again = first_run.complete(tmp_path, {"bind": "127.0.0.1:8125"})
    assert (again["bind"], again["origin"]) == ("127.0.0.1:8125", said["origin"])


def test_so_is_that_of_the_sandbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ABATE_SANDBOX_ORIGIN", raising=False)
    monkeypatch.setenv("ABATE_SANDBOX_BIND", "127.0.0.1:8126")
    setup._sandbox(tmp_path)
    assert os.environ["ABATE_ORIGIN"] == "http://127.0.0.1:8126"


@pytest.mark.parametrize("text", ["zone = 8", "zome = 'UTC'", "zone = ", "\xff"])
def test_a_file_of_answers_that_cannot_be_read_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(text, encoding="latin-1")
    with pytest.raises(AnswersUnreadable):
        questions.read(tmp_path / "a.toml")


def test_what_the_environment_says_otherwise_is_no_silent_second_setting(tmp_path: Path) -> None:
    every = first_run.complete(tmp_path, {"log_name": "carbon.example.cn/log", "backup": "/copies"})
    with pytest.raises(EnvironmentDiffers, match="ABATE_ZONE"):
        first_run.write_settings(tmp_path, every, {"ABATE_ZONE": "Asia/Tokyo"})
    assert not (tmp_path / "settings.env").exists()


def test_the_password_of_the_database_is_never_printed(postgres_url: str, tmp_path: Path) -> None:
    def told(address: str, given: str = "", **environment: str) -> str:
        words = [] if given else ["--answers", str(answers(tmp_path, address))]
        words += ["--data-dir", str(tmp_path / "here"), "--lang", "en"]
        result = CliRunner().invoke(command, words, input=given, env=environment)
        assert result.exit_code == 1 and isinstance(result.exception, SystemExit), result.exception
        assert "canary" not in result.output, result.output
        return str(result.output)

    sound = "postgresql://abate:canary@db.example.cn:5432/abate?password=canary"
    here = postgres_url.replace("@", ":canary@", 1)
    assert "canary" in here
    for other, shown in ((sound, "db.example.cn/abate"), (here.replace("canary", "canary2"), "what is not")):
        said = told(other, DATABASE_URL=here)
        assert "environment-differs" in said and "DATABASE_URL=" in said and shown in said
    for password in ("1/canary", "ab/canary", "[canary", "canary℀", "canary#", "?canary"):
        assert "answer-wrong" in told(f"postgresql://abate:{password}@db.example.cn/abate"), password
    for address in ("mysql://abate:canary@db.example.cn/abate", "postgresql://abate:canary@db:port/abate"):
        assert "answer-wrong" in told(address)
    for away in ("canary@127.0.0.1:1", "canary%zz@127.0.0.1:1"):
        assert "does not answer" in told(sound, DATABASE_URL=f"postgresql://abate:{away}/abate")
    assert "cannot be read as" in told(sound, DATABASE_URL="postgresql://abate:1/canary@127.0.0.1/abate")
    file = tmp_path / "here" / settings_file.NAME
    settings_file.write(file, {"DATABASE_URL": sound})
    assert "[db.example.cn/abate]" in told(sound, given="\n" * 6)
    for line in ("postgresql://abate:canary@db.example.cn/abate", sound):
        file.write_text(f"{line}\n")
        assert "no NAME=value" in told(sound)


@pytest.mark.parametrize(
    "line",
    ["ABATE_ZONE", "PATH=/bin", "ABATE_DATA_DIR=x", "ABATE_ZONE='a", "A=1 B=2", "ABATE_X=1\nABATE_X=2"],
)
def test_a_settings_file_with_a_line_that_means_nothing_is_refused(line: str, tmp_path: Path) -> None:
    file = tmp_path / settings_file.NAME
    settings_file.write(file, {"ABATE_MESSAGES": "a b'c\"d $e", "ABATE_ZONE": ""})
    assert settings_file.read(file) == {"ABATE_MESSAGES": "a b'c\"d $e", "ABATE_ZONE": ""}
    shell = subprocess.run(
        ["sh", "-c", f'. {file}; printf %s "$ABATE_MESSAGES"'], capture_output=True, text=True, check=True
    )
    assert shell.stdout == "a b'c\"d $e"
    file.write_text(f"{line}\n")
    with pytest.raises(SetupError, match="cannot be read"):
        settings_file.read(file)
    file.chmod(0o644)
    with pytest.raises(SetupError, match="chmod 600"):
        settings_file.read(file)


def test_a_log_is_named_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring.create(tmp_path / "secrets.json")
    keyring.name_log(tmp_path / "secrets.json", "carbon.example.cn/log")
    assert keyring.read(tmp_path / "secrets.json").log_origin == "carbon.example.cn/log"
    monkeypatch.setattr(first_run, "_begun", lambda *_: True)
    monkeypatch.setattr(first_run, "_holds", lambda *_: True)
    monkeypatch.delenv("ABATE_SECRET_FILE")
    every = first_run.complete(tmp_path, {"backup": "/copies"})
    with pytest.raises(Placed, match="log_name"):
        first_run.write_settings(tmp_path, every | {"log_name": "other.example.cn/log"}, {})
