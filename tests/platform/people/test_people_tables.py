"""What the database itself refuses, whatever the program does."""

from __future__ import annotations

import pytest
from django.db import connection

pytestmark = [pytest.mark.platform, pytest.mark.django_db]


def test_the_joins_of_the_main_path_have_their_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select indexdef from pg_indexes where tablename in ('people_authorisation', 'people_subject')"
        )
        found = " ".join(row[0] for row in cursor.fetchall())
    assert "(person_id, party_id, behaviour) INCLUDE (granted_at, withdrawn_at, ends_at)" in found
    assert "(party_id, subject)" in found
    assert "(person_id, party_id, behaviour) WHERE (withdrawn_at IS NULL)" in found
