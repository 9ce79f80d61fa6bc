"""`abate setup`: from nothing to an installation that may take its first party; guided, or from a file."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from abate.cli import installation
from abate.cli.staff import NO_DOCUMENT, document_number, first_people
from abate.platform.doors import settings_file
from abate.platform.doors.errors import Problem, SetupError

# The posts asked for one by one; without the last two it goes too.
POSTS = ("security_admin", "entry", "check", "approve", "system_admin", "audit_admin")
NEEDED = 4
TYPED = (
    "首批人员的证件号码，逐个岗位输入（输入时不显示；第一个留空，则以后再启用系统）",
    "Identity numbers of the first people, post by post (hidden while typed; leave the first empty to open the system later)",
)
TYPE_AGAIN = ("请重新输入。", "Type it again.")
NEEDS_ANSWER = ("此项没有默认值，必须填写。", "There is no default: this must be answered.")
NEXT = (
    ("启动服务", "start the server", "abate serve"),
    ("再看一遍全部设置", "look at everything again", "abate doctor"),
    ("各人在浏览器中打开自己的链接，设通行密钥，或动态口令和密码；或在命令行", "everybody opens their own link in a browser "
     "and sets up a passkey, or an app with codes and a password; or at a shell",
     "abate staff sign-in LINK; abate staff password"),
    ("丢失的链接重新生成", "make a lost link again", "abate staff list; abate staff link ACCOUNT"),
    ("三人准入第一个机构（docs/howto/join.md）", "three people admit the first party (docs/howto/join.md)",
     "abate party apply --help; abate party admit --help"),
    ("在沙箱中先试", "try it in the sandbox first", "abate serve --sandbox"),
    ("每天：备份、结账、对账、清理", "every day: copy, close, reconcile, clear",
     "abate backup FOLDER; abate close; abate reconcile; abate privacy retain"),
)  # fmt: skip


@click.command()
@click.option(
    "--answers",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Take the answers from a TOML file and ask nothing.",
)
@click.option("--check", "check_only", is_flag=True, help="Only say what is done and what is missing.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@installation.data_dir
@installation.as_json
def command(answers: Path | None, check_only: bool, lang: str, data_dir: Path, as_json: bool) -> None:
    """Set up this installation: settings, secrets, database, first people. Repeating it does what is missing.

    Exit code 1 where something is missing still, or an answer cannot be used.
    """
    from abate.platform.config import first_run, questions  # lazy: `--help` need not read the catalogue

    said: dict[str, Any] = {}
    before = {k: v for k, v in os.environ.items() if k == "DATABASE_URL" or k.startswith("ABATE_")}
    with _refusing():
        settings_file.load(data_dir)
        if not check_only:
            given = questions.read(answers) if answers else _asked(first_run.current(data_dir), lang)
            identities = given.pop("people", None)
            every = first_run.complete(data_dir, given)
            first_run.write_settings(data_dir, every, before)
            first_run.make(data_dir, every)
            said |= {"links": _people(identities), "origin": every["origin"]}
        steps = first_run.steps(data_dir)
        if all(one.done for one in steps if one.name in ("database", "people")):
            said["left_to_you"] = first_run.left_open()
    missing = [one for one in steps if not one.done]
    said["steps"] = [one.document() for one in steps]
    if as_json:
        click.echo(json.dumps(said, ensure_ascii=False, indent=1))
    else:
        _tell(said, lang)
    sys.exit(1 if missing and (check_only or [one.name for one in missing] != ["backup"]) else 0)


@contextmanager
def _refusing() -> Iterator[None]:
    """Refusals in words, and what was done so far stays done: `abate setup --check` shows it."""
    try:
        yield
    except SetupError as fault:
        click.echo(f"Error: {fault}", err=True)
        sys.exit(1)
    except Problem as problem:
        installation.refuse(problem)


def _asked(current: dict[str, str], lang: str) -> dict[str, Any]:
    """Every question in the terminal, with what it decides and why its default is what it is."""
    from abate.platform.config import first_run, questions  # lazy: as above

    at = 0 if lang == "zh" else 1
    given: dict[str, Any] = {}
    for name, question in questions.questions().items():
        if name == "people" or (name == "region" and given["factors"] == "national"):
            continue
        click.echo(
            f"\n{len(given) + 1}. {question.ask[at]}\n   {question.decides[at]}\n   {question.why[at]}"
        )
        given[name] = _one(name, first_run.origin(current, given) if name == "origin" else current[name], at)
    given.setdefault("region", "")
    given["people"] = _identities(questions.questions()["people"], at)
    return given


def _one(name: str, default: str, at: int) -> str:
    """Asked until the answer can be used."""
    from abate.platform.config import questions  # lazy: as above

    required = questions.questions()[name].default is None
    prompt = f"   [{questions.shown(name, default)}]" if default else "  "
    while True:
        answer = click.prompt(prompt, default=default, show_default=False)
        if required and not answer:
            click.echo(f"   {NEEDS_ANSWER[at]}")
            continue
        try:
            if answer:
                questions.check(name, answer)
            return str(answer)
        except Problem as problem:
            click.echo(f"   {(problem.zh, problem.en)[at]} {problem.detail}")


def _identities(question: Any, at: int) -> list[tuple[str, str]]:
    """(identity number, post) of the first people; hidden while typed. Nothing where the first is left out."""
    from abate.platform.config import questions  # lazy: as above

    titles = questions.post_titles()
    click.echo(f"\n{TYPED[at]}\n   {question.decides[at]}\n   {question.why[at]}")
    found = []
    for number, post in enumerate(POSTS):
        identity = _identity(titles[post][at], number < NEEDED and bool(found), at)
        if not identity and not found:
            break
        if identity:
            found.append((identity, post))
    return found


def _identity(title: str, needed: bool, at: int) -> str:
    """One number, asked for until it can be a document's: mistyped, the holder would be a stranger to every later check
    of who is who. Empty where none is needed."""
    while True:
        default = None if needed else ""
        typed = str(click.prompt(f"   {title}", hide_input=True, default=default, show_default=False)).strip()
        if not typed:
            return typed
        try:
            return document_number(typed)
        except click.UsageError:
            click.echo(f"   {NO_DOCUMENT[at]} {TYPE_AGAIN[at]}")


def _people(given: str | list[tuple[str, str]] | None) -> list[dict[str, object]]:
    """Open the system with the first people, unless it is open; each one's single-use link."""
    from abate.platform.review import audit, opening, queries  # lazy: Django has started by now
    from abate.platform.review.opening import First  # lazy: as above

    if not given or queries.opened_at() is not None:
        return []
    people = (
        first_people(Path(given)) if isinstance(given, str) else [First(who, (post,)) for who, post in given]
    )
    with audit.acting(lambda: audit.Actor(via="command")):
        return opening.with_links(people)


def _tell(said: dict[str, Any], lang: str) -> None:
    def word(zh: str, en: str) -> str:
        return zh if lang == "zh" else en

    for step in said["steps"]:
        mark = word("完成", "done   ") if step["done"] else word("未完成", "MISSING")
        click.echo(f"{mark} {step[lang]}" + (f"  ->  {step['remedy']}" if step["remedy"] else ""))
    for link in said.get("links", []):
        click.echo(f"{', '.join(link['roles'])}: {said['origin']}/sign-in/link/{link['link']}")
    if said.get("links"):
        click.echo(
            word(
                "链接各用一次，一天内有效；请删除人员文件。",
                "Each link works once, for a day. Delete the file of people.",
            )
        )
    if "left_to_you" in said:
        click.echo(word("\n留给运营方决定（程序不知道）：", "\nLeft to you (the program does not know):"))
        for zh, en in said["left_to_you"]:
            click.echo(f"  - {word(zh, en)}")
        click.echo(word("\n接下来：", "\nNext:"))
        for zh, en, what in NEXT:
            click.echo(f"  {word(zh, en)}: {what}")
