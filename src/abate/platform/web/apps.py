from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "abate.platform.web"
    label = "web"
