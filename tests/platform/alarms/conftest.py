"""A city, a browser and a mail server, as the tests of pages and notices have them."""

from tests.platform.notices.test_channels import smtp  # noqa: F401 (a fixture)
from tests.platform.web.conftest import city, enter  # noqa: F401 (fixtures)
