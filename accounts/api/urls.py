"""The addresses of people and their access, below ``/api/v1/``; each part has a line of its own."""

from django.urls import include, path

urlpatterns = [
    path("", include("accounts.api.log_in")),
    path("", include("accounts.api.sessions")),
    path("", include("accounts.api.api_keys")),
    path("", include("accounts.api.people")),
    path("", include("accounts.api.second_factor")),
    path("", include("accounts.api.invitations")),
    path("", include("accounts.api.password_resets")),
]
