"""The first set-up: answers become settings, secrets, a database and first people, by the ways that are there already.

Each step is whole or not done at all, and repeating the set-up does what is missing; so a killed one goes on where it
was. Why it is so: docs/decisions/0039-first-run-and-upgrade.md.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import psycopg

from abate.platform.config import questions, setup
from abate.platform.config.errors import AnswerMissing, EnvironmentDiffers, Governed, Placed
from abate.platform.doors import backup, database, keyring, logins, private_postgres, settings_file
from abate.platform.doors.errors import SetupError
from abate.platform.web.first_steps import STEPS

REMEDIES = {
    "settings": "abate setup",
    "secrets": "abate setup",
    "database": "abate setup",
    "people": "abate setup (people)",
    "basis": 'abate proposals make basis.adopt --why "..."',
    "backup": "abate backup FOLDER",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the set-up; `remedy` is the command that does what is missing."""

    name: str
    zh: str
    en: str
    done: bool
    remedy: str = ""

    def document(self) -> dict[str, object]:
        return asdict(self)


def current(data_dir: Path) -> dict[str, str]:
    """The answer to every question as it stands now: what was written, else the default; "" where neither is."""
    written = settings_file.read(data_dir / settings_file.NAME)
    found = {}
    for name, question in questions.questions().items():
        stands = written.get(question.variable, "") if question.variable else ""
        found[name] = stands or question.default or ""
    if found["region"]:
        found["factors"] = "regional"
    secret = _secret_file(data_dir, written)
    if secret.exists() and not keyring.read(secret).log_origin.startswith("abate.invalid"):
        found["log_name"] = keyring.read(secret).log_origin
    return found


def steps(data_dir: Path) -> list[Step]:
    """What is done and what is not. Begins nothing: without a database its steps are not done; with one Django is started."""
    written = settings_file.read(data_dir / settings_file.NAME)
    wanted = [q.variable for q in questions.questions().values() if q.variable and q.default is None]
    secret = _secret_file(data_dir, written)
    made = secret.exists() and not keyring.read(secret).log_origin.startswith("abate.invalid")
    done = {"settings": all(name in written for name in wanted), "secrets": made}
    if secret.exists() and _has_database(data_dir, written):
        setup.environment(data_dir)
        done |= _in_the_database()
    folder = written.get("ABATE_BACKUP") or os.environ.get("ABATE_BACKUP")
    done["backup"] = bool(folder and backup.bases(Path(folder)))
    return [
        Step(name, zh, en, done.get(name, False), "" if done.get(name) else REMEDIES[name].replace("FOLDER", folder or "FOLDER"))
        for name, zh, en in STEPS
    ]  # fmt: skip


def _in_the_database() -> dict[str, bool]:
    import django  # lazy: the environment is set by now

    django.setup()
    from abate.platform.carbon import basis  # lazy: models exist once Django has started
    from abate.platform.doors import schema  # lazy: as above
    from abate.platform.review import queries as review  # lazy: as above

    found = schema.look()
    schema.check(found)
    if found.waiting:
        return {}
    opened = review.opened_at() is not None
    return {"database": found.begun, "people": opened, "basis": opened and not basis.apart()}


def origin(stands: Mapping[str, str], given: Mapping[str, str]) -> str:
    """The address that people see: what is given, else what stands; that of this machine itself is where the server listens, and
    goes with it."""
    if given.get("origin") or stands["origin"] != _here(stands["bind"]):
        return given.get("origin") or stands["origin"]
    return _here(given.get("bind") or stands["bind"])


def complete(data_dir: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Every answer: what is given, else what stands, each looked at. Raises AnswerMissing, AnswerWrong.

    `people` may be missing where the system was opened before.
    """
    stands = current(data_dir)
    answers = stands | given | {"origin": origin(stands, given)}
    for name, answer in answers.items():
        if answer:
            questions.check(name, answer)
    questions.together(answers)
    lacking = [
        name
        for name, q in questions.questions().items()
        if q.default is None and q.variable and not answers[name]
    ]
    if not answers["log_name"]:
        lacking.append("log_name")
    if lacking:
        raise AnswerMissing(", ".join(lacking))
    return answers


def _here(bind: str) -> str:
    return f"http://127.0.0.1:{bind.rpartition(':')[2]}"


def write_settings(data_dir: Path, answers: Mapping[str, str], environment: Mapping[str, str]) -> None:
    """The first step: settings into their file. `environment` is what was set before the file was read.

    Raises EnvironmentDiffers; Governed and Placed where what is booked rests on what would change.
    """
    before = current(data_dir)
    changed = {name for name in answers if name != "people" and answers[name] != before[name]}
    held = _holds(data_dir, before["database"])
    governed = [name for name in changed if questions.questions()[name].governed]
    if held and governed:
        raise Governed(f"{governed[0]}: {before[governed[0]] or '-'} -> {answers[governed[0]] or '-'}")
    placed = [name for name in ("database", "log_name") if name in changed and before[name]]
    if placed and (held or placed[0] == "database") and _begun(data_dir, before["database"]):
        raise Placed(placed[0])
    values = settings_file.read(data_dir / settings_file.NAME)
    for name, question in questions.questions().items():
        if question.variable is None:
            continue
        said = environment.get(question.variable)
        if said is not None and said != answers[name]:
            one, other = questions.shown(name, said), questions.shown(name, answers[name])
            hidden = "; what is not shown differs" if one == other else ""
            raise EnvironmentDiffers(f"{question.variable}={one!r}, {name} = {other!r}{hidden}")
        values[question.variable] = answers[name]
    values["ABATE_BEHIND_PROXY"] = "1" if answers["origin"].startswith("https://") else ""
    settings_file.write(
        data_dir / settings_file.NAME, {name: value for name, value in values.items() if value}
    )
    for name, value in values.items():
        os.environ[name] = value
        if not value:
            del os.environ[name]


def make(data_dir: Path, answers: Mapping[str, str]) -> None:
    """Secrets, the log's name, and the database with its tables; what is there stays. Starts Django.

    Raises SetupError, Placed.
    """
    setup.environment(data_dir, begin=True, log_origin=answers["log_name"])
    setup.migrate()
    from abate.platform.log import actions, queries  # lazy: models exist once Django has started

    secret = Path(os.environ["ABATE_SECRET_FILE"])
    with logins.as_owner(), actions.naming(answers["log_name"]):
        if keyring.read(secret).log_origin != answers["log_name"]:
            if queries.size() or queries.waiting():
                raise Placed("log_name")
            keyring.name_log(secret, answers["log_name"])


def left_open() -> list[tuple[str, str]]:
    """(Chinese, English) of what only the operator can know and nobody has said yet. Django is started."""
    from abate.platform.carbon import basis  # lazy: models exist once Django has started
    from abate.platform.config import doctor  # lazy: as above
    from abate.platform.credits import queries as credits  # lazy: as above
    from abate.quantify.factors import resolve  # lazy: only here

    catalogue, chosen = basis.catalogue(), basis.setting()
    lacking = [
        name
        for name, versions in catalogue.methods.items()
        if resolve(versions[-1], catalogue.registry, chosen, date.max).missing
    ]
    rules = credits.all_rules()
    told = [
        (f"{len(lacking)} 种行为没有可用的数值，不产生积分：{'、'.join(lacking[:6])} 等（abate methods list）",
         f"{len(lacking)} behaviours have no figure and credit nothing: {', '.join(lacking[:6])} ... (abate methods list)"),
    ] if lacking else []  # fmt: skip
    if len(rules) == 1:
        rate = f"{rules[0].credits_per_kg:,}"
        told.append((f"换算规则仍是初始值：每千克 {rate} 分（abate rule add）",
                     f"the conversion rule is as shipped: {rate} credits a kilogram (abate rule add)"))  # fmt: skip
    if not credits.caps():
        told.append(("没有任何上限（abate cap add）", "there are no caps (abate cap add)"))
    told += [
        (f"{f.zh[0]}：{f.zh[1]}{f.zh[2]}", f"{f.name}: {f.what} {f.remedy}")
        for f in doctor.examine()
        if f.state != "ok"
    ]
    return told


def _secret_file(data_dir: Path, written: Mapping[str, str]) -> Path:
    named = os.environ.get("ABATE_SECRET_FILE") or written.get("ABATE_SECRET_FILE")
    return Path(named) if named else data_dir / "secrets.json"


def _has_database(data_dir: Path, written: Mapping[str, str]) -> bool:
    named = os.environ.get("DATABASE_URL") or written.get("DATABASE_URL") or database.EMBEDDED
    return named != database.EMBEDDED or private_postgres.exists(data_dir)


def _begun(data_dir: Path, address: str) -> bool:
    return _any(data_dir, address, ("parties_area",))


def _holds(data_dir: Path, address: str) -> bool:
    """Whether the system was opened, or an event is in the books: asked before Django takes its settings."""
    return _any(data_dir, address, ("review_opening", "events_seen"))


def _any(data_dir: Path, address: str, tables: Sequence[str]) -> bool:
    # The owner looks where one is named: before the first start the server's login may not be there yet.
    address = os.environ.get(logins.OWNER) or os.environ.get("DATABASE_URL") or address
    if address == database.EMBEDDED:
        if not private_postgres.exists(data_dir):
            return False
        address = private_postgres.start(data_dir.resolve())
    database.parse(address)
    try:
        with psycopg.connect(address, connect_timeout=10) as connection:
            there = [
                t for t in tables if connection.execute("select to_regclass(%s)", [t]).fetchone() != (None,)
            ]
            return any(
                connection.execute(f"select exists (select from {t})").fetchone() == (True,)  # type: ignore[call-overload]
                for t in there
            )
    except psycopg.Error as fault:
        # Of an address that it cannot read the library quotes what may be the password.
        said = (
            str(fault).strip()[:200] if isinstance(fault, psycopg.OperationalError) else type(fault).__name__
        )
        raise SetupError("database-no-answer", said=said) from None
