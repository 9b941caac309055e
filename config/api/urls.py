"""Addresses under ``/api/`` that belong to no package; the packages' stand before them."""

from django.urls import path, re_path

from config.api import pages

urlpatterns = [
    path("docs/", pages.documentation, name="api-docs"),
    path("schema/", pages.Schema.as_view(), name="api-schema"),
    path("problems/<slug:slug>", pages.problem, name="api-problem"),
    path("v1/", pages.Index.as_view(), name="api-index"),
    # The admin's own catch-all would ask strangers to log in.
    re_path("^(?P<rest>.*)$", pages.unknown),
]
