"""A sandbox beside a live installation: the same cluster, and nothing else of it (decision 0021)."""

from __future__ import annotations

from pathlib import Path

import psycopg
from tests.faults.stack import Stack

from abate.platform.doors import logins

NAME = "sandbox"


class Sandbox(Stack):
    """Serves `abate serve --sandbox` of the installation `live`, in the folder and with the database that are the sandbox's."""

    def __init__(self, folder: Path, live: Stack) -> None:
        super().__init__(folder)
        self.live = live
        self.sockets = live.sockets
        self.data = live.data / NAME

    def url(self, database: str = NAME, user: str = "postgres") -> str:
        return self.live.url(database, user)

    def environment(self) -> dict[str, str]:
        own = {
            "ABATE_SANDBOX": "1",
            "ABATE_SANDBOX_DATABASE_URL": self.url(user=logins.SERVER),
            "ABATE_SANDBOX_OWNER_URL": self.url(),
            "ABATE_SANDBOX_ORIGIN": self.origin,
        }
        return super().environment() | own

    def create(self) -> None:
        """A database and secrets of its own. Its schema is copied from live, which nobody has used yet; the command's own first
        steps make the rest, and claim it.
        """
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"create database {NAME} template abate strategy file_copy")
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute("delete from parties_area")
        begin = (
            "from pathlib import Path; from abate.platform.config import setup; "
            f"setup.environment(Path({str(self.data)!r}), begin=True, sandbox=True); setup.migrate()"
        )
        child = self.begin("-c", begin)
        assert child.wait() == 0, child.communicate()
