"""Fixtures of the pages' tests."""

from __future__ import annotations

import pytest
from django.test import Client
from tests.platform.web import city as stage

from abate.platform.review.models import User

BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def city(db: None) -> stage.City:
    return stage.build()


@pytest.fixture
def enter():
    """A browser in which `user` is signed in; Chinese unless `language` says otherwise."""

    def make(user: User, language: str = "zh-hans") -> Client:
        client = Client(headers={"accept-language": language})
        client.force_login(user, backend=BACKEND)
        stage.prove(client)
        return client

    return make
