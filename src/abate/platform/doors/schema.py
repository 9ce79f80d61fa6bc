"""Whether the database's schema is the one this program was written for; refused in words where it is not."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from abate.platform.doors.errors import SetupError

# Tables that hold something wherever a first start came to its end, or an older program ever worked.
_BEGUN = ("parties_area", "people_person", "ledger_entry", "review_user")


@dataclass(frozen=True, slots=True)
class Schema:
    """`waiting`: migrations that this program has and the database has not; `unknown`: the other way round."""

    waiting: tuple[str, ...]
    unknown: tuple[str, ...]
    begun: bool

    @property
    def fits(self) -> bool:
        return not self.waiting and not self.unknown


def look() -> Schema:
    """Reads only. Raises OperationalError where the database does not answer."""
    executor = MigrationExecutor(connection)
    loader = executor.loader
    waiting = executor.migration_plan(loader.graph.leaf_nodes())
    unknown = set(loader.applied_migrations) - set(loader.disk_migrations or {})
    return Schema(
        tuple(f"{one.app_label}.{one.name}" for one, _ in waiting),
        tuple(sorted(f"{app}.{name}" for app, name in unknown)),
        _begun(),
    )


def _begun() -> bool:
    with connection.cursor() as cursor:
        for table in _BEGUN:
            cursor.execute("select to_regclass(%s) is not null", [table])
            if cursor.fetchone() == (True,):
                cursor.execute(f"select exists (select from {table})")
                if cursor.fetchone() == (True,):
                    return True
    return False


def check(found: Schema) -> None:
    """Raises SetupError where an installation that was begun has another schema than this program's."""
    if found.unknown:
        raise SetupError("schema-newer", count=len(found.unknown), names=", ".join(found.unknown[:3]))
    if found.waiting and found.begun:
        raise SetupError("schema-older", count=len(found.waiting), names=", ".join(found.waiting[:3]))


def check_copy(found: Schema) -> None:
    """Raises SetupError where a restored database has another schema than this program's: who was erased or left since can be
    erased and ended again by no program but its own.
    """
    if not found.fits:
        names = found.unknown or found.waiting
        raise SetupError("restored-schema", apart=", ".join((*names[:3], *["..."][: len(names) > 3])))
