"""Who a person is to a partner, by OpenID Connect: the partner's own name for the person, and nothing else.

The name is the `subject` that its events carry. Two partners' names for one person cannot be joined (P-4.3, P-8.4-b).
"""

from __future__ import annotations

from typing import Any

from allauth.idp.oidc.adapter import DefaultOIDCAdapter
from allauth.idp.oidc.models import Client as OAuthClient
from allauth.idp.oidc.models import PrivateKey
from django.conf import settings
from oauthlib.oauth2.rfc6749.errors import InvalidGrantError, InvalidTokenError

from abate.platform.doors.keyring import keyring
from abate.platform.parties import queries as parties
from abate.platform.people import queries as people
from abate.platform.review.models import User


class Provider(DefaultOIDCAdapter):
    """allauth's provider, with subjects in pairs of party and person."""

    def get_issuer(self) -> str:
        return str(settings.ABATE_ORIGIN)

    def get_user_sub(self, client: OAuthClient, user: User) -> str:
        """The party's name for the person; empty, which is nobody's, where no authorisation of theirs is in force."""
        person, party = people.by_user(user), parties.bound_party(client.pk)
        if person is None or party is None or not people.is_bound(person.pk, party.pk):
            return ""
        return people.subject_for(person.pk, party.pk) or ""

    def get_user_by_sub(self, client: OAuthClient, sub: str) -> User | None:
        party = parties.bound_party(client.pk)
        person = people.by_subject(party.pk, sub) if party else None
        return person.user if person else None

    def get_claims(
        self, purpose: Any, user: User, client: OAuthClient, scopes: Any, email: Any = None, **_: Any
    ) -> dict[str, Any]:
        """Raises InvalidTokenError, of a code InvalidGrantError, where the party may not know this person now: it left, the
        person did, or no authorisation is in force.
        """
        sub = self.get_user_sub(client, user)
        if not sub:
            raise InvalidGrantError if purpose == "id_token" else InvalidTokenError
        return {"sub": sub}

    def list_private_keys(self, **_: Any) -> list[PrivateKey]:
        pem = keyring().oidc
        return [PrivateKey(pem=pem)] if pem else []

    def populate_server_metadata(self, data: dict[str, Any]) -> None:
        """Only what this platform offers; what allauth could do beside is closed (endpoints.csv)."""
        for name in ("device_authorization_endpoint", "end_session_endpoint"):
            data.pop(name, None)
        data |= {
            "subject_types_supported": ["pairwise"],
            "scopes_supported": ["openid"],
            "claims_supported": ["sub"],
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "prompt_values_supported": ["login", "consent"],
        }
