"""The world of the main path's tests, for what is done around it."""

from tests.platform.pipeline.conftest import world as world
