"""Format 2 of a leaf: that of format 1 and the SM3 commitment behind it, which is made outside (bookkeeping/leaf.py)."""

from django.db import migrations

# Without an SM3 the leaf stays as it is: null in, format 1 out. The leaf is named once, so that the call is written into
# the statement around it.
MAKE = """
create function abate_leaf_sm3(leaf bytea, sm3 bytea)
returns bytea language sql immutable parallel safe
return set_byte(leaf, 0, case when sm3 is null then 1 else 2 end) || coalesce(sm3, ''::bytea)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("log", "0003_cosignatures"),
    ]
    operations = [migrations.RunSQL(MAKE, "drop function abate_leaf_sm3(bytea, bytea)")]
