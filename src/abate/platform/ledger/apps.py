from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "abate.platform.ledger"
    label = "ledger"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from abate.platform.ledger import changes, due  # lazy: models exist once Django has started
        from abate.platform.log.sources import SOURCES  # lazy: as above

        SOURCES.append(due)
        changes.register()
