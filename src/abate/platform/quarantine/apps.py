from django.apps import AppConfig


class QuarantineConfig(AppConfig):
    name = "abate.platform.quarantine"
    label = "quarantine"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from abate.platform.quarantine import changes  # lazy: models exist once Django has started

        changes.register()
