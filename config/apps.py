"""The site itself as an application, and the admin with our site class."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.module_loading import import_string


class SiteConfig(AppConfig):
    """Holds the commands that concern the site as a whole."""

    name = "config"
    verbose_name = "Site"

    def ready(self) -> None:
        """Register what `manage.py check` says about the API."""
        import_string("config.api.checks.every_endpoint_declares_its_rights")


class StaffAdminConfig(AdminConfig):
    """The stock admin under our site class."""

    default_site = "config.admin.site.StaffAdminSite"
