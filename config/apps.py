"""The site itself as an application, and the admin with our site class."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class SiteConfig(AppConfig):
    """Holds the commands that concern the site as a whole."""

    name = "config"
    verbose_name = "Site"


class StaffAdminConfig(AdminConfig):
    """The stock admin under our site class."""

    default_site = "config.admin.site.StaffAdminSite"
