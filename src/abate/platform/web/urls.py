"""The addresses of pages and of the reading API, one line each."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path, re_path

from abate.platform.web import files, health, log_views, reconciliation, sharing
from abate.platform.web.api_collect import api
from abate.platform.web.pages import (
    acceptor,
    authorisations,
    breaks,
    confirm,
    offers,
    operator,
    privacy,
    problems,
    record,
    requests,
    security,
    shared,
    signin,
    staff_signin,
    start,
    statement,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", start.home, name="home"),
    path("sign-in", signin.sign_in, name="sign-in"),
    path("sign-in/code", signin.code, name="sign-in-code"),
    path("sign-in/link/<str:token>", signin.link, name="sign-in-link"),
    path("sign-in/staff", staff_signin.staff, name="sign-in-staff"),
    path("sign-in/passkey", staff_signin.passkey, name="sign-in-passkey"),
    path("sign-in/second", staff_signin.second, name="sign-in-second"),
    path("confirm", confirm.confirm, name="confirm"),
    *security.urlpatterns,
    *privacy.urlpatterns,
    path("register", signin.register, name="register"),
    path("sign-out", signin.sign_out, name="sign-out"),
    path("language", signin.language, name="language"),
    path("feed", record.feed, name="feed"),
    path("why", record.why, name="why"),
    path("entries", record.entries, name="entries"),
    path("entries/<int:entry_id>", record.entry, name="entry"),
    path("entries/<int:entry_id>/receipt.json", record.receipt, name="entry-receipt"),
    path("collect", record.collect, name="collect"),
    path("statement", statement.page, name="statement"),
    re_path(
        r"^statement/(?P<month>[0-9]{4}-[0-9]{2})\.(?P<form>json|pdf)$", statement.file, name="statement-file"
    ),
    path("offers", offers.offers, name="offers"),
    path("offers/<uuid:offer_id>", offers.offer, name="offer"),
    path("offers/<uuid:offer_id>/redeem", offers.redeem, name="redeem"),
    path("codes", offers.codes, name="codes"),
    path("codes/<int:code_id>", offers.code, name="code"),
    path("authorisations", authorisations.authorisations, name="authorisations"),
    path("authorisations/<int:authorisation_id>/withdraw", authorisations.withdraw, name="withdraw"),
    path("authorise/<slug:party_code>", authorisations.authorise, name="authorise"),
    path("acceptor", acceptor.acceptor, name="acceptor"),
    path("operator", operator.operator, name="operator"),
    path("operator/requests", requests.requests, name="requests"),
    path("operator/requests/<int:request_id>", requests.answer, name="request-answer"),
    path("operator/breaks", breaks.breaks, name="breaks"),
    path("operator/breaks/<int:break_id>", breaks.step, name="break-step"),
    *reconciliation.urlpatterns,
    path("operator/sharing", shared.requests, name="sharing"),
    path("operator/sharing/<uuid:request_id>", shared.request, name="sharing-one"),
    path("operator/sharing/<uuid:request_id>/revoke", shared.revoke, name="sharing-revoke"),
    *sharing.urlpatterns,
    *files.urlpatterns,
    path("problems", problems.catalogue, name="problems"),
    path("problems/<slug:code>", problems.problem, name="problem"),
    path("v1/", api.urls),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    *log_views.urlpatterns,
]
