"""One sender counts as one: who has a network of IPv6 has as many addresses as there are tries."""

from __future__ import annotations

import pytest

from abate.platform.doors.origin import sender


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:", "unix:"),
        ("", ""),
    ],
)
def test_what_is_counted_as_one(address: str, counted: str) -> None:
    assert sender(address) == counted
