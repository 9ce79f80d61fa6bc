"""What allauth asks this platform about second factors: how their secrets are kept, and what a key is called."""

from __future__ import annotations

import base64

from allauth.mfa.adapter import DefaultMFAAdapter
from django.contrib.auth.base_user import AbstractBaseUser

from abate.platform.doors import sealed

_SECRET = b"abate-second-factor"
ISSUER = "Abate"


class Factors(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return base64.b64encode(sealed.seal(text, _SECRET)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return sealed.unwrap(base64.b64decode(encrypted_text), _SECRET).decode()

    def get_totp_issuer(self) -> str:
        return ISSUER

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        # The host that was asked: settings.ALLOWED_HOSTS let no other through.
        return {**super().get_public_key_credential_rp_entity(), "name": ISSUER}

    def get_public_key_credential_user_entity(self, user: AbstractBaseUser) -> dict[str, object]:
        told = super().get_public_key_credential_user_entity(user)
        # A device shows these beside the key: a handle, never a name or contact.
        return {**told, "name": user.get_username(), "display_name": f"{ISSUER} {user.get_username()[:8]}"}
