"""Every address of the platform. Pages and the API live in web/; the OAuth2 token endpoint is allauth's."""

from django.urls import include, path

urlpatterns = [
    path("", include("abate.platform.web.urls")),
    path("", include("allauth.idp.urls")),
]

handler400 = "abate.platform.web.refusals.bad_request"
handler403 = "abate.platform.web.refusals.not_allowed"
handler404 = "abate.platform.web.refusals.not_found"
handler500 = "abate.platform.web.refusals.fault"
