from django.apps import AppConfig


class CarbonConfig(AppConfig):
    name = "abate.platform.carbon"
    label = "carbon"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from abate.platform.carbon import changes  # lazy: models exist once Django has started

        changes.register()
