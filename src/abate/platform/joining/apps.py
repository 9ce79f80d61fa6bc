from django.apps import AppConfig


class JoiningConfig(AppConfig):
    name = "abate.platform.joining"
    label = "joining"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from abate.platform.joining import changes  # lazy: models exist once Django has started

        changes.register()
