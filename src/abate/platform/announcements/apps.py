from django.apps import AppConfig


class AnnouncementsConfig(AppConfig):
    name = "abate.platform.announcements"
    label = "announcements"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from abate.platform.announcements import changes  # lazy: models exist once Django has started

        changes.register()
