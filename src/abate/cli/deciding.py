"""Who acts on the command line, and how a command proposes a change instead of making it.

The command line has the same doors as the pages: a person signs in by two factors (entering.py) and gets a session that
is listed, ends when unused and can be ended, whose key lies in a file of their own. `run` is how every such command starts
and how it refuses.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from abate.platform.doors.errors import Problem, SetupError

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: Path(os.environ.get("ABATE_DATA_DIR", ".abate")),
    show_default="ABATE_DATA_DIR or .abate",
    help="Where the installation keeps its secrets and, without DATABASE_URL, its database.",
)
DEVICE = "abate (command line)"
"""What a session of the command line is called in the list of open sessions."""
why_option = click.option("--why", default="", help="Why; the people who check and approve read it.")


def session_file() -> Path:
    """Where this machine user's own session lies."""
    return Path(os.environ.get("ABATE_STAFF_SESSION") or Path.home() / ".config" / "abate" / "session")


def run(data_dir: Path, work: Callable[[], Any], *, sandbox: bool = False) -> None:
    """Start the platform, do the work, print what it gives as JSON; a refusal ends with exit code 1."""
    from abate.platform.config import setup  # lazy: `abate proposals --help` must not start Django

    try:
        setup.environment(data_dir, sandbox=sandbox)
        setup.migrate()
        from abate.platform.review import audit  # lazy: models exist once Django has started

        # Who that is, is known once somebody's session is asked for (acting).
        with audit.acting(lambda: audit.Actor(via="command")):
            click.echo(json.dumps(work(), ensure_ascii=False, indent=1, default=str))
        return
    except SetupError as fault:
        click.echo(str(fault), err=True)
    except Problem as problem:
        told(problem)
    sys.exit(1)


def told(problem: Problem) -> None:
    """Print a refusal: what, why it matters, what to do."""
    detail = f" ({problem.detail})" if problem.detail else ""
    click.echo(f"{problem.code}: {problem.en}{detail}\n  {problem.remedy_en}", err=True)
    click.echo(f"  {problem.zh}{problem.remedy_zh}", err=True)


def change(data_dir: Path, name: str, arguments: dict[str, Any], why: str, *, sandbox: bool) -> None:
    """Propose a change on live; in the sandbox, where nothing is anybody's, it is done at once by whoever asks."""

    def work() -> dict[str, Any]:
        from abate.platform.review.proposing import in_sandbox  # lazy: models exist once Django has started

        return in_sandbox(name, arguments) if sandbox else propose(name, arguments, why)

    run(data_dir, work, sandbox=sandbox)


def signed_in() -> Any:
    """The request of this command line's own session, with its user. Raises NotSignedIn where it is over or was ended."""
    from django.contrib.auth import get_user  # lazy: Django has started by now
    from django.contrib.sessions.backends.db import SessionStore  # lazy: as above
    from django.http import HttpRequest  # lazy: as above

    from abate.platform.review.errors import NotSignedIn  # lazy: as above
    from abate.platform.signin import lasting  # lazy: as above

    try:
        key = session_file().read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        raise NotSignedIn from None
    request = HttpRequest()
    request.session = SessionStore(key)
    request.user = user = get_user(request)
    if not user.is_authenticated or not user.is_active:
        raise NotSignedIn
    if not lasting.use(request.session, user, DEVICE):
        request.session.flush()
        raise NotSignedIn
    request.session.save()
    return request


def acting(*, fresh: bool = False) -> Any:
    """The account that is signed in on this command line by two factors; with `fresh`, shown only minutes ago.

    Raises NotSignedIn, SecondFactorMissing, PasswordTooOld, ProofNeeded.
    """
    from abate.platform.review import audit  # lazy: models exist once Django has started
    from abate.platform.signin import lasting  # lazy: as above

    request = signed_in()
    lasting.require_two_factors(request.session, request.user)
    if fresh:
        lasting.require_fresh(request.session)
    audit.as_command(request.user)
    return request.user


def entitled(act: str, thing: str, *, fresh: bool = False, field: str = "") -> Any:
    """Whoever is signed in here and may `act` on things of this kind (rights.toml): the question of the pages' gate; and is
    shown this `field` of them, where one is named.

    Asked before anything is read; a right that is missing is a row of the trail, as at the gate. Raises what `acting` raises,
    and NoRight.
    """
    from abate.platform.review import audit, rights  # lazy: models exist once Django has started
    from abate.platform.review.errors import NoRight  # lazy: as above

    user = acting(fresh=fresh)
    with audit.refusing(f"{act} {thing}", click.get_current_context().command_path, (NoRight,)):
        rights.require(user, act, thing)
        if field and not rights.sees(user, thing, field):
            raise NoRight(f"{act} {thing}.{field}")
    return user


def propose(name: str, arguments: dict[str, Any], why: str) -> dict[str, Any]:
    """Propose a change as whoever is signed in; what the command prints."""
    from abate.platform.review import proposing, queries  # lazy: models exist once Django has started

    made = queries.proposal(proposing.propose(acting(), name, arguments, why).pk)
    return {
        "proposal": made.number,
        "action": made.action,
        "before": made.before,
        "after": made.after,
        "expires_at": made.expires_at,
        "next": f"abate proposals check {made.number}, then abate proposals approve {made.number}, by two others",
    }
