"""What the first set-up asks, and what it refuses as an answer. The words stand in questions.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from abate.platform.config.errors import AnswersUnreadable, AnswerWrong
from abate.platform.doors import database
from abate.platform.doors.errors import SetupError
from abate.platform.doors.words import on_one_line
from abate.quantify import catalogue
from abate.quantify.factors import GRADES
from abate.quantify.reading import MethodError

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Question:
    """One question; pairs are (Chinese, English). `default` is None where only the operator can answer."""

    name: str
    variable: str | None
    governed: bool
    default: str | None
    ask: Pair
    decides: Pair
    why: Pair


@lru_cache(maxsize=1)
def questions() -> dict[str, Question]:
    """Every question by name, in the order they are asked."""
    text = Path(__file__).with_name("questions.toml").read_text(encoding="utf-8")
    return {name: _question(name, raw) for name, raw in tomllib.loads(text).items()}


def _question(name: str, raw: Mapping[str, object]) -> Question:
    pairs = {key: tuple(raw[key]) for key in ("ask", "decides", "why")}  # type: ignore[call-overload]
    default = None if raw.get("required") else str(raw["default"])
    variable = raw.get("variable")
    return Question(name, variable and str(variable), bool(raw.get("governed")), default, **pairs)  # type: ignore[arg-type]


def post_titles() -> dict[str, Pair]:
    """(Chinese, English) of every role by name: out of the file itself, for Django has not started while it is asked."""
    text = files("abate.platform.review").joinpath("rights.toml").read_text(encoding="utf-8")
    return {name: (role["zh"], role["en"]) for name, role in tomllib.loads(text)["roles"].items()}


def read(file: Path) -> dict[str, str]:
    """Answers by name out of a TOML file; paths of `people`, `operator_pack` and `backup` count from its folder.

    Raises AnswersUnreadable.
    """
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise AnswersUnreadable(f"{file}: {fault}") from fault
    for name, value in given.items():
        if name not in questions():
            raise AnswersUnreadable(f"{file}: {name[:40]!r}; known: {', '.join(questions())}")
        if not isinstance(value, str):
            raise AnswersUnreadable(f"{file}: {name} is no text")
    for name in ("people", "operator_pack", "backup"):
        if given.get(name) and not (
            name == "operator_pack" and "/" not in given[name] and "." not in given[name]
        ):
            given[name] = str((file.parent / given[name]).resolve())
    return given


def shown(name: str, answer: str) -> str:
    """An answer as it may be printed: of the database's address only host and name, for it may hold a password."""
    return database.place(answer) if name == "database" else answer[:80]


def check(name: str, answer: str) -> None:
    """Raises AnswerWrong saying what is wrong with it."""
    if not on_one_line(answer):
        raise AnswerWrong(f"{name}: one line of text")
    wrong = _CHECKS.get(name, lambda _: "")(answer)
    if wrong:
        raise AnswerWrong(f"{name} = {shown(name, answer)!r}: {wrong}")


def together(answers: Mapping[str, str]) -> None:
    """What only several answers show. Raises AnswerWrong."""
    if answers["factors"] == "regional" and not answers["region"]:
        raise AnswerWrong("factors = 'regional': name the region")
    if answers["factors"] == "national" and answers["region"]:
        raise AnswerWrong(
            f"region = {answers['region']!r}: factors = 'national' takes none; answer 'regional'"
        )
    host = answers["bind"].rpartition(":")[0].strip("[]")
    if host not in ("127.0.0.1", "::1", "localhost") and not answers["origin"].startswith("https://"):
        raise AnswerWrong(
            f"bind = {answers['bind']!r}: beyond this machine only behind TLS, with an https origin"
        )


def _region(answer: str) -> str:
    known = catalogue.load().registry.known_region(answer) if answer else "CN"
    return "" if known else "methods/regions.csv does not have it"


def _zone(answer: str) -> str:
    try:
        ZoneInfo(answer)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "no zone of the tz database, like Asia/Shanghai"
    return ""


def _pack(answer: str) -> str:
    try:
        pack = catalogue.load().pack(answer) if answer else None
    except (MethodError, OSError) as fault:
        return str(fault)
    return "an illustration must not credit real people" if pack and pack.illustration else ""


def _database(answer: str) -> str:
    try:
        if answer != database.EMBEDDED:
            database.parse(answer)
    except SetupError as fault:
        return str(fault).replace("\n", " ")
    return ""


def _origin(answer: str) -> str:
    parts = urlsplit(answer)
    plain = parts.scheme in ("http", "https") and parts.hostname and not parts.path.strip("/")
    return "" if plain and not parts.query else "scheme and host only, like https://carbon.example.cn"


def _bind(answer: str) -> str:
    host, _, port = answer.rpartition(":")
    return "" if host and port.isdigit() and int(port) <= 65535 else "host:port, like 127.0.0.1:8000"


def _log_name(answer: str) -> str:
    if answer.split("/")[0].endswith(".invalid"):
        return (
            "a name that you own, like carbon.example.cn/log: one under .invalid is nobody's: every signed head of the log "
            "bears this name for ever, and a log is told from others by it"
        )
    fits = answer and not any(sign.isspace() or sign == "+" for sign in answer) and "://" not in answer
    return (
        "" if fits else "a name and a path without scheme, spaces and plus signs, like carbon.example.cn/log"
    )


def _backup(answer: str) -> str:
    return "" if Path(answer).is_absolute() else "the whole path of a folder"


def _adapter(answer: str) -> str:
    module, _, name = answer.rpartition(".")
    try:
        found = bool(module and name and find_spec(module))
    except (ImportError, ValueError):
        found = False
    return "" if found else "a dotted name, module and class, that Python can import"


def _file(answer: str) -> str:
    return "" if not answer or Path(answer).is_file() else "there is no such file"


_CHECKS: dict[str, Callable[[str], str]] = {
    "factors": lambda answer: "" if answer in ("national", "regional") else "national or regional",
    "region": _region,
    "grade_floor": lambda answer: "" if answer in GRADES else f"one of {', '.join(GRADES)}",
    "zone": _zone,
    "operator_pack": _pack,
    "database": _database,
    "origin": _origin,
    "bind": _bind,
    "log_name": _log_name,
    "backup": _backup,
    "messages": _adapter,
    "real_name": _adapter,
    "real_name_key": _file,
    "people": _file,
}
