from django.apps import AppConfig


class PartiesConfig(AppConfig):
    name = "abate.platform.parties"
    label = "parties"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from abate.platform.parties import changes  # lazy: models exist once Django has started

        changes.register()
