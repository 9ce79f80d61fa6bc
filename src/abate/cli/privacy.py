"""`abate privacy`: the record of processing, clearing by rule, and the drill for a breach."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from abate.cli import deciding, installation
from abate.platform.doors.errors import Problem, SetupError

_data_dir = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: Path(os.environ.get("ABATE_DATA_DIR", ".abate")),
    show_default="ABATE_DATA_DIR or .abate",
    help="Where the installation keeps its secrets and, without DATABASE_URL, its database.",
)
_ZH = """个人信息安全事件告知（演练）
涉及人数:{people}。可能泄露的信息种类:{personal}；敏感个人信息:{sensitive}。
发生的原因:________。可能的危害:被他人得知您的行为记录或冒用身份；加密保存的内容在密钥未泄露时无法读取。
已采取的措施:________。您可以:在“登录与安全”结束其他会话、更换登录方式；在“隐私中心”提出请求。
联系人:________。依据《个人信息保护法》第五十七条告知。"""
_EN = """Notice of a personal-data incident (drill)
People concerned: {people}. Kinds of data that may have leaked: {personal}; sensitive: {sensitive}.
What caused it: ________.
What may follow: others may learn of your acts or pose as you; encrypted fields stay unreadable while the keys are safe.
What we did: ________. What you can do: end other sessions and change how you sign in; ask at the privacy centre.
Contact: ________. Told under PIPL article 57."""


def _start(data_dir: Path) -> None:
    from abate.platform.config import setup  # lazy: `--help` must not start Django

    try:
        setup.environment(data_dir)
        setup.migrate()
    except SetupError as fault:
        click.echo(str(fault), err=True)
        sys.exit(1)


@click.group()
def command() -> None:
    """Say what is kept of people and why, clear what has had its time, rehearse a breach."""


@command.command()
@_data_dir
def record(data_dir: Path) -> None:
    """Print the record of processing (PIPL articles 55 and 56), from the list of all fields."""
    _start(data_dir)
    from abate.platform.config import fields  # lazy: models exist once Django has started

    click.echo(fields.record())


@command.command()
@_data_dir
def retain(data_dir: Path) -> None:
    """Delete what is older than its rule, and accounts whose duty to be kept is over; close the staff's that nobody uses.

    Meant to run daily, with ABATE_OWNER_URL where there is one: the trail's old rows only its owner can remove.
    Prints how many, and the staff's accounts by name. Nothing is deleted where the clocks of this machine and of the
    database server differ.
    """
    _start(data_dir)
    from abate.platform.config import fields  # lazy: as above
    from abate.platform.doors import logins  # lazy: as above
    from abate.platform.ledger import closing, keeping  # lazy: as above
    from abate.platform.people import recovering  # lazy: as above
    from abate.platform.review import staffing  # lazy: as above
    from abate.platform.signin.policy import policy  # lazy: as above

    try:
        with logins.as_owner():
            logins.require_owner()
            closing.see_clocks_agree()
            cleared = fields.retain()
    except SetupError as fault:
        click.echo(str(fault), err=True)
        sys.exit(1)
    except Problem as problem:
        click.echo(f"{problem.code}: {problem.en} ({problem.detail})\n  {problem.remedy_en}", err=True)
        click.echo(f"  {problem.zh}{problem.remedy_zh}", err=True)
        sys.exit(1)
    told = cleared | {"accounts": keeping.delete_due(), "recovery_contacts": recovering.clear_over()}
    click.echo(json.dumps(told | {"staff": staffing.close_unused(policy().unused_days)}, indent=2))


@command.command("breach-tell")
@click.argument("tables", nargs=-1, required=True)
@click.option("--number", required=True, help="The incident's number, as people may name it to you.")
@click.option(
    "--words",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TOML file with what they are told, in Chinese and English (docs/howto/notices.md).",
)
@_data_dir
def breach_tell(tables: tuple[str, ...], number: str, words: Path, data_dir: Path) -> None:
    """TABLES leaked: put a notice for everybody concerned into the outbox (PIPL article 57), and the words where they alone
    read them, on /privacy. It cannot be switched off. Who was told under this number before is not told again.

    Sign in first: `abate staff sign-in`. Asks for a second factor shown only minutes ago.
    """
    _start(data_dir)
    from abate.platform.config import fields  # lazy: as above
    from abate.platform.notices import actions as notices  # lazy: as above
    from abate.platform.notices import incidents  # lazy: as above
    from abate.platform.people import queries as people  # lazy: as above

    try:
        deciding.entitled("add", "breach", fresh=True)
        incident = incidents.read(number, words.read_text("utf-8", "replace"))
        found = fields.breach(tables)
        now = notices.tell_of_breach(people.users_of(found.people), incident)
    except Problem as problem:
        deciding.told(problem)
        sys.exit(1)
    told = {"people": len(found.people), "told_now": now, "number": number}
    told |= {"unknown_treated_as_everybody": found.unknown}
    click.echo(json.dumps(told))


@command.command("breach-drill")
@click.argument("tables", nargs=-1, required=True)
@click.option(
    "--people",
    "listed",
    type=installation.NewFile(),
    help="Write the numbers of who is affected into the new FILE; sign in first: `abate staff sign-in`.",
)
@_data_dir
def breach_drill(tables: tuple[str, ...], listed: Path | None, data_dir: Path) -> None:
    """Suppose that TABLES leaked: who is affected, what would be seen, and the notice in both languages."""
    _start(data_dir)
    from abate.platform.config import fields  # lazy: as above
    from abate.platform.review import audit  # lazy: as above

    try:
        if listed:
            deciding.entitled("view", "breach", fresh=True)
            audit.read("breach.people", ",".join(tables))
        found = fields.breach(tables)
        if listed:
            installation.give_out(listed, (f"{one}\n" for one in found.people))
    except Problem as problem:
        deciding.told(problem)
        sys.exit(1)
    except SetupError as fault:
        click.echo(str(fault), err=True)
        sys.exit(1)
    kinds = {label: fields.kinds(columns) for label, columns in found.fields.items()}
    zh = {label: "、".join(one for one, _ in words) or "无" for label, words in kinds.items()}
    en = {label: ", ".join(one for _, one in words) or "none" for label, words in kinds.items()}
    told = {
        "people": len(found.people),
        "unknown_treated_as_everybody": found.unknown,
        "not_of_account_holders": found.others,
        "erased": found.erased,
        "fields": found.fields,
        "notice_zh": _ZH.format(people=len(found.people), **zh),
        "notice_en": _EN.format(people=len(found.people), **en),
    }
    click.echo(json.dumps(told, ensure_ascii=False, indent=2))
