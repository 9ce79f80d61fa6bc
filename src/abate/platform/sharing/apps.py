from django.apps import AppConfig


class SharingConfig(AppConfig):
    name = "abate.platform.sharing"
    label = "sharing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from abate.platform.sharing import changes  # lazy: models exist once Django has started

        changes.register()
