from django.apps import AppConfig


class ReviewConfig(AppConfig):
    name = "abate.platform.review"
    label = "review"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from abate.platform.review import staffing  # lazy: models exist once Django has started

        staffing.register()
