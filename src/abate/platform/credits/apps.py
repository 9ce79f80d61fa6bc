from django.apps import AppConfig


class CreditsConfig(AppConfig):
    name = "abate.platform.credits"
    label = "credits"
    default_auto_field = "django.db.models.BigAutoField"
