from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "abate.platform.events"
    label = "events"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from abate.platform.events import changes  # lazy: models exist once Django has started

        changes.register()
