#!/usr/bin/env python
"""Lacuna's command line: ``python manage.py help``."""

import os
import sys


def main() -> None:
    """Run a management command; a wrong setting ends it with one sentence, not a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        settings.INSTALLED_APPS  # noqa: B018 - reading any setting loads them all
    except ImproperlyConfigured as error:
        sys.exit(f"Lacuna cannot start. {error}")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
