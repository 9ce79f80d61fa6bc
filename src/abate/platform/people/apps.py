from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "abate.platform.people"
    label = "people"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # lazy: models exist once Django has started
        from abate.platform.parties import interest
        from abate.platform.people import queries

        interest.learn(queries.accounts_of)
