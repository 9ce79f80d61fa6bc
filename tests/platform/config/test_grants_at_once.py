"""A server that works while another prepares the database (a rolling restart, a command) keeps exactly its rights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connection

from abate.platform.config import grants

pytestmark = [pytest.mark.platform, pytest.mark.django_db(transaction=True)]

RIGHTS = """
    select relname, attname, coalesce(attacl, relacl)::text from pg_class
    left join pg_attribute on attrelid = pg_class.oid and attacl is not null
    where relnamespace = 'public'::regnamespace order by 1, 2
"""


@pytest.mark.clause("P-8.3")
def test_rights_are_never_wider_nor_narrower_while_they_are_made_anew() -> None:
    """Each statement committed by itself: for a moment the trail could be changed, and what may be set once could not."""
    grants.apply_grants(connection)
    named = {
        key: value
        for key, value in connection.get_connection_params().items()
        if key in ("host", "port", "user", "password", "dbname")
    }
    with psycopg.connect(**named, autocommit=True) as other:
        before, looks = other.execute(RIGHTS).fetchall(), []

        def looked(execute: Callable[..., Any], *given: Any) -> Any:
            told = execute(*given)
            looks.append(other.execute(RIGHTS).fetchall() == before)
            return told

        with connection.execute_wrapper(looked):
            grants.apply_grants(connection)
    assert len(looks) > 10 and all(looks)
