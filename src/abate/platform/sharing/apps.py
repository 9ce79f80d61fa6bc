from django.apps import AppConfig


class SharingConfig(AppConfig):
    name = "abate.platform.sharing"
    label = "sharing"
    default_auto_field = "django.db.models.BigAutoField"
