from django.apps import AppConfig


class IncentivesConfig(AppConfig):
    name = "abate.platform.incentives"
    label = "incentives"
    default_auto_field = "django.db.models.BigAutoField"
