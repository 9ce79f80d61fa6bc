from django.apps import AppConfig


class IncentivesConfig(AppConfig):
    name = "abate.platform.incentives"
    label = "incentives"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from abate.platform.incentives import changes  # lazy: models exist once Django has started

        changes.register()
