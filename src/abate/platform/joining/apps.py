from django.apps import AppConfig


class JoiningConfig(AppConfig):
    name = "abate.platform.joining"
    label = "joining"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # lazy: models exist once Django has started
        from abate.platform.joining import changes, queries
        from abate.platform.parties import interest

        changes.register()
        interest.learn(queries.accounts_of)
