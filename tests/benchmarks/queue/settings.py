"""The product's settings on the benchmarks' private server, with queues of their own."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
os.environ["LACUNA_HOME"] = str(ROOT / ".lacuna" / "bench")

from django.core.exceptions import ImproperlyConfigured

from config.settings import *  # noqa: F403 - a settings module is its names
from config.settings import DATABASES, EMBEDDED_HOME, INSTALLED_APPS

if EMBEDDED_HOME is None:
    raise ImproperlyConfigured(
        "The benchmarks of the queue drop and make databases, so they run on a private server"
        " alone. Take DATABASE_URL (and DB_NAME) out of the environment and out of .env."
    )

INSTALLED_APPS = [*INSTALLED_APPS, "tests.benchmarks.queue.app"]

# Made anew by every benchmark, and dropped at its end.
DATABASES["default"]["NAME"] = "bench_lacuna"
