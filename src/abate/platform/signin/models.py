"""Rows of signing in: open sessions, tries, earlier passwords, codes already used.

Second factors themselves are allauth's rows (`mfa_authenticator`), their secrets encrypted by `adapter.py`.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models


class OpenSession(models.Model):
    """One session that somebody is signed in with; `key` is Django's. `device` is what the browser calls itself."""

    key = models.CharField(max_length=40, primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    device = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "signin_session"


class EndedSession(models.Model):
    """A session that was ended for its holder, until its browser comes again and is told: by the digest of its key.

    `cause` is one of ending.CAUSES; `why` what an administrator wrote for the holder to read.
    """

    key_sha256 = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    cause = models.TextField()
    why = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "signin_ended"


class Try(models.Model):
    """A try with a password or a second factor, written before it is compared; a right one takes its account's away.

    Keyed digests only, of the account that was named (it need not exist) and of the address it came from.
    """

    id = models.BigAutoField(primary_key=True)
    account_hmac = models.BinaryField()
    address_hmac = models.BinaryField(null=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "signin_try"
        indexes = [
            models.Index(fields=["account_hmac", "at"], name="signin_try_account"),
            models.Index(fields=["address_hmac", "at"], name="signin_try_address"),
        ]


class Password(models.Model):
    """A password that was set, as its slow hash: when it grows old, and which are not to come again."""

    append_only = True

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    encoded = models.CharField(max_length=128)
    at = models.DateTimeField()

    class Meta:
        db_table = "signin_password"


class UsedCode(models.Model):
    """A time-based code that was used: of two that bring the same one, in whatever process, one is let in."""

    pk = models.CompositePrimaryKey("user", "code_hmac")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    code_hmac = models.BinaryField(max_length=32)
    at = models.DateTimeField()

    class Meta:
        db_table = "signin_used_code"


class Kept(models.Model):
    """What allauth keeps for minutes between two requests (codes of OpenID Connect, counts of tries), as JSON.

    By the digest of its name: a name holds the code.
    """

    name_sha256 = models.CharField(max_length=64, primary_key=True)
    value = models.TextField()
    until = models.DateTimeField(null=True)

    class Meta:
        db_table = "signin_kept"
