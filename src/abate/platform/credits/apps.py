from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CreditsConfig(AppConfig):
    name = "abate.platform.credits"
    label = "credits"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from abate.platform.credits import changes  # lazy: models exist once Django has started
        from abate.platform.credits.actions import (
            set_first_rule,  # lazy: as above
        )

        # After every migration, and after a test has emptied the tables: no platform is without a rule.
        post_migrate.connect(set_first_rule, sender=self)
        changes.register()
