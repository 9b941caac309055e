"""Every setting, each read once from the environment; `.env.example` lists them with comments."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config import environment, logs

BASE_DIR = Path(__file__).resolve().parent.parent
if (BASE_DIR / ".env").exists():
    environ.Env.read_env(BASE_DIR / ".env")

# Where Lacuna keeps what is not in the database: the private server, files, compiled kernels.
LACUNA_HOME = Path(os.environ.get("LACUNA_HOME") or BASE_DIR / ".lacuna").resolve()

DEBUG = environment.boolean("DEBUG", default=False)
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = environment.words("CSRF_TRUSTED_ORIGINS", [])

# --- Database -----------------------------------------------------------------------------------

_database = environment.database_url("DATABASE_URL") or environment.database_parts()
_owner = environment.database_url("DATABASE_OWNER_URL")
_sealer = environment.database_url("DATABASE_SEALER_URL")
_pool_size = environment.integer("DATABASE_POOL_SIZE", 20, most=500)
_pool_wait_ms = environment.integer("DATABASE_TIMEOUT", 30_000, least=1)

# The private server's directory, or None when a server is configured.
EMBEDDED_HOME: Path | None = None
EMBEDDED_THROW_AWAY = False  # whether it may lose its data when the machine crashes; tests do
if _database is None:
    if _owner is not None:
        raise ImproperlyConfigured(
            "DATABASE_OWNER_URL is set, but DATABASE_URL is not. Set both, or neither."
        )
    EMBEDDED_HOME = LACUNA_HOME / "postgres"
    _database = {
        "ENGINE": "database.backend",
        "NAME": "lacuna",
        "USER": "lacuna_app",
        "OPTIONS": {},
        # Several processes share one small server: keep a connection each, not a pool each.
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }
    # Migrations, and whatever else needs ownership, log in with these instead.
    DATABASE_OWNER: dict[str, str] = {"USER": "lacuna_owner"}
    # The login that seals the audit log.
    DATABASE_SEALER: dict[str, str] = {"USER": "lacuna_sealer"}
    # The login that may create roles and databases (the test suite does).
    DATABASE_ADMIN: dict[str, str] = {"USER": "postgres"}
else:
    # A pool serves a web process's many threads; a command has one connection at a time.
    if _pool_size and os.environ.get("LACUNA_PROCESS") == "web":
        _database["OPTIONS"]["pool"] = {
            "min_size": min(2, _pool_size),
            "max_size": _pool_size,
            "timeout": _pool_wait_ms / 1000,
        }
    _login = {key: _database.get(key, "") for key in ("USER", "PASSWORD", "HOST", "PORT")}
    DATABASE_OWNER = {key: _owner[key] for key in _login} if _owner else _login
    DATABASE_SEALER = {key: _sealer[key] for key in _login} if _sealer else DATABASE_OWNER
    DATABASE_ADMIN = DATABASE_OWNER
    if _database["USER"] != "lacuna_app":
        _database["OPTIONS"]["assume_role"] = "lacuna_app"

DATABASES: dict[str, dict[str, Any]] = {"default": _database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

SECRET_KEY = environment.secret_key(LACUNA_HOME, required=EMBEDDED_HOME is None)

# --- Application --------------------------------------------------------------------------------

INSTALLED_APPS = [
    "config.apps.SiteConfig",
    "config.apps.StaffAdminConfig",
    "imaging",
    "accounts",
    "jobs",
    "audit",
    "database",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
]

MIDDLEWARE = [
    "config.middleware.RequestIdMiddleware",
    "config.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.middleware.ActingUserMiddleware",
    "audit.middleware.AuditMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before the installed apps, so that ours come before the stock admin's.
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- People -------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.authentication.RoleBackend"]
PASSWORD_HASHERS = ["accounts.passwords.Argon2idHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# --- Language and time --------------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
USE_I18N = False
FORMAT_MODULE_PATH = "config.admin.locales"
USE_TZ = True
TIME_ZONE = os.environ.get("TIME_ZONE") or "UTC"

# --- Files --------------------------------------------------------------------------------------

MEDIA_ROOT = Path(os.environ.get("MEDIA_ROOT") or LACUNA_HOME / "media").resolve()
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "config" / "static"]
WHITENOISE_USE_FINDERS = True  # served from where they lie: nothing to collect
STORAGES = {
    "default": {"BACKEND": "config.storage.AtomicFileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# An image that would decode to more pixels than this is refused before it is decoded.
MAX_IMAGE_PIXELS = environment.integer("MAX_IMAGE_PIXELS", 200_000_000, least=1)
DATA_UPLOAD_MAX_NUMBER_FILES = 500
# Anything larger is streamed to disk while it arrives.
FILE_UPLOAD_MAX_MEMORY_SIZE = 1 << 20

# Compiled kernels are kept where this process may write, also on a read-only source tree.
os.environ.setdefault("NUMBA_CACHE_DIR", str(LACUNA_HOME / "numba"))

# --- Security -----------------------------------------------------------------------------------

HTTPS = environment.boolean("HTTPS", default=False)
SECURE_SSL_REDIRECT = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
BEHIND_PROXY = environment.boolean("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# Who sends it as "Authorization: Bearer ..." may read /metrics; without it, only staff may.
METRICS_TOKEN = environment.token("METRICS_TOKEN", least=32)

# --- Audit log ----------------------------------------------------------------------------------

# The signing keys: outside the database, readable by the sealer alone.
AUDIT_KEYRING = Path(
    os.environ.get("AUDIT_KEYRING") or LACUNA_HOME / "audit" / "keyring.json"
).resolve()
# Whom to believe when the log is verified: a file of public keys. Default: the keyring's.
AUDIT_TRUSTED_KEYS = os.environ.get("AUDIT_TRUSTED_KEYS", "").strip()
# Where checkpoints go, so that the log cannot be cut short or forked unnoticed.
AUDIT_PUBLISH = environment.words("AUDIT_PUBLISH", [f"file://{LACUNA_HOME / 'audit/checkpoints'}"])
AUDIT_PUBLISH_SECONDS = environment.integer("AUDIT_PUBLISH_SECONDS", 60, least=1, most=86_400)
# Public keys of witnesses whose cosignature is demanded.
AUDIT_WITNESS_KEYS = environment.words("AUDIT_WITNESS_KEYS", [])

# --- Logs ---------------------------------------------------------------------------------------

LOG_LEVEL = environment.choice(
    "LOG_LEVEL", "INFO", {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}
)
LOG_FORMAT = environment.choice(
    "LOG_FORMAT", "text" if sys.stderr.isatty() else "json", {"json", "text"}
)
LOGGING_CONFIG = "config.logs.configure"
LOGGING = logs.configuration(LOG_LEVEL, LOG_FORMAT)
