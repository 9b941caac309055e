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

# The web server acts for whom each request names, and is nobody else; commands and workers are the
# product itself (docs/decisions/0015-who-sees-which-row.md).
_is_web = os.environ.get("LACUNA_PROCESS") == "web"
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
    if not _is_web:
        _database["OPTIONS"]["assume_role"] = "lacuna_system"
    # Migrations, and whatever else needs ownership, log in with these instead.
    DATABASE_OWNER: dict[str, str] = {"USER": "lacuna_owner"}
    # The login that seals the audit log.
    DATABASE_SEALER: dict[str, str] = {"USER": "lacuna_sealer"}
    # The login that may create roles and databases (the test suite does).
    DATABASE_ADMIN: dict[str, str] = {"USER": "postgres"}
else:
    # A pool serves a web process's many threads; a command has one connection at a time.
    if _pool_size and _is_web:
        _database["OPTIONS"]["pool"] = {
            "min_size": min(2, _pool_size),
            "max_size": _pool_size,
            "timeout": _pool_wait_ms / 1000,
        }
    _login = {key: _database.get(key, "") for key in ("USER", "PASSWORD", "HOST", "PORT")}
    DATABASE_OWNER = {key: _owner[key] for key in _login} if _owner else _login
    DATABASE_SEALER = {key: _sealer[key] for key in _login} if _sealer else DATABASE_OWNER
    DATABASE_ADMIN = DATABASE_OWNER
    _role = "lacuna_app" if _is_web else "lacuna_system"
    if _database["USER"] != _role:
        _database["OPTIONS"]["assume_role"] = _role

DATABASES: dict[str, dict[str, Any]] = {"default": _database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

SECRET_KEY = environment.secret_key(LACUNA_HOME, required=EMBEDDED_HOME is None)

# --- Application --------------------------------------------------------------------------------

INSTALLED_APPS = [
    "config.apps.SiteConfig",
    "config.apps.StaffAdminConfig",
    "annotations",
    "imaging",
    "monitoring",
    "ingestion",
    "providers",
    "webhooks",
    "accounts",
    "jobs",
    "audit",
    "database",
    "database.encryption",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
]

MIDDLEWARE = [
    "config.middleware.RequestIdMiddleware",
    "config.api.middleware.ProblemMiddleware",
    "config.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.middleware.ActingUserMiddleware",
    "accounts.middleware.BrowserSessionMiddleware",
    "audit.middleware.AuditMiddleware",
    "accounts.pages.demands.DemandsMiddleware",
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
AUTH_PASSWORD_VALIDATORS = [{"NAME": "accounts.passwords.StrengthValidator"}]
# Names that nobody here may build a password on: the organisation, its sites, its projects.
PASSWORD_CONTEXT_WORDS = environment.words("PASSWORD_CONTEXT_WORDS", [])
# Each hash takes 64 MiB: so many are made at once in one process, and a request waits so long.
PASSWORD_HASHING_SLOTS = environment.integer("PASSWORD_HASHING_SLOTS", 4, least=1, most=64)
PASSWORD_HASHING_WAIT = environment.integer("PASSWORD_HASHING_WAIT", 10, least=1, most=60)
# Days after which a password must be changed; 0 is never, as ASVS 5.0 V6.2.10 wants it.
PASSWORD_MAX_AGE_DAYS = environment.integer("PASSWORD_MAX_AGE_DAYS", 0, most=3650)
# Failed log-ins from one address (IPv6: one /64) within 15 minutes, before it has to wait.
LOGIN_ATTEMPTS_PER_ADDRESS = environment.integer(
    "LOGIN_ATTEMPTS_PER_ADDRESS", 30, least=1, most=1_000_000
)
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# --- Sessions and tokens ------------------------------------------------------------------------

# Of the browser's session key and of every token the database keeps a hash alone.
SESSION_ENGINE = "accounts.browser_sessions"
# A browser's session ends when it was not used for so long, and in any case after so many days.
SESSION_IDLE_HOURS = environment.integer("SESSION_IDLE_HOURS", 12, least=1, most=24 * 90)
SESSION_MAX_DAYS = environment.integer("SESSION_MAX_DAYS", 7, least=1, most=90)
SESSION_COOKIE_AGE = SESSION_IDLE_HOURS * 3600
# A program's access token, its refresh token, and its session in all.
ACCESS_TOKEN_MINUTES = environment.integer("ACCESS_TOKEN_MINUTES", 15, least=1, most=60)
REFRESH_IDLE_DAYS = environment.integer("REFRESH_IDLE_DAYS", 14, least=1, most=365)
REFRESH_MAX_DAYS = environment.integer("REFRESH_MAX_DAYS", 90, least=1, most=365)
# The keys that sign access tokens: outside the database.
TOKEN_KEYRING = Path(
    os.environ.get("TOKEN_KEYRING") or LACUNA_HOME / "tokens" / "keyring.json"
).resolve()
TOKEN_KEYRING_IS_MADE = EMBEDDED_HOME is not None  # as with SECRETS_KEYRING, below
# Who issues access tokens, and for whom: other services check both.
TOKEN_ISSUER = os.environ.get("TOKEN_ISSUER", "").strip() or "lacuna"
TOKEN_AUDIENCE = os.environ.get("TOKEN_AUDIENCE", "").strip() or "lacuna-api"

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

# --- API ----------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.AccessTokenAuthentication",
        "accounts.api.key_authentication.ApiKeyAuthentication",
        "accounts.api.authentication.BrowserAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["config.api.permissions.Declared"],
    "DEFAULT_THROTTLE_CLASSES": ["config.api.throttles.AddressLimit"],
    "DEFAULT_PARSER_CLASSES": ["config.api.parsers.JsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "config.api.schema.AutoSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "config.api.handler.answer",
    # A query parameter may not choose the format.
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Lacuna",
    "DESCRIPTION": "The API of the back office. Its conventions are explained in docs/api.md.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,  # what is written is not what is read
    # Several resources have a status; each set of words is named after whose it is.
    "ENUM_NAME_OVERRIDES": {
        "ProviderKeyStatus": "providers.models.KeyStatus",
        "ProviderHealthStatus": "providers.models.HealthStatus",
        "FileStatus": "ingestion.models.FileStatus",
        "StatusEnum": "imaging.models.QueueStatus",
        "AnnotationJobStatus": "annotations.models.AiJobStatus",
        "ReviewStage": "annotations.models.ReviewStage",
        "RejectionReason": "annotations.models.RejectionReason",
        "AnomalySeverity": "monitoring.models.AnomalySeverity",
        "AlertStatus": "monitoring.models.AlertStatus",
        "AlertKind": "monitoring.models.AlertKind",
        "MapAnalysisType": "monitoring.models.AnalysisType",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.api.schema.order_document",
    ],
}
# By whom the API works, counts and remembers; config.api knows no package of ours.
API_ACTING_AS = "database.actor.acting_as"
API_CLIENT_ADDRESS = "audit.middleware.address"
API_IDEMPOTENCY_STORE = "accounts.api.idempotency.Store"
API_THROTTLE_STORE = "accounts.api.throttles.count_request"

# --- Security -----------------------------------------------------------------------------------

HTTPS = environment.boolean("HTTPS", default=False)
SECURE_SSL_REDIRECT = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
BEHIND_PROXY = environment.boolean("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
# Bound to this very host: no other host of the domain can set or read them (RFC 6265bis, 4.1.3.2).
SESSION_COOKIE_NAME = "__Host-sessionid" if HTTPS else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if HTTPS else "csrftoken"
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

# --- Mail ---------------------------------------------------------------------------------------

# Without EMAIL_URL mails are printed, not sent.
_mail = environment.mail("EMAIL_URL")
EMAIL_BACKEND: str = _mail["EMAIL_BACKEND"]
EMAIL_HOST: str = _mail["EMAIL_HOST"]
EMAIL_PORT: int | str = _mail["EMAIL_PORT"]
EMAIL_HOST_USER: str = _mail["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD: str = _mail["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS: bool = _mail["EMAIL_USE_TLS"]
EMAIL_USE_SSL: bool = _mail["EMAIL_USE_SSL"]
EMAIL_FILE_PATH: str = _mail["EMAIL_FILE_PATH"]
EMAIL_TIMEOUT = environment.integer("EMAIL_TIMEOUT", 10, least=1, most=300)
DEFAULT_FROM_EMAIL = environment.mail_address("EMAIL_FROM", "Lacuna <lacuna@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# Beside the request, so that nobody can tell by its time whether a letter was written.
EMAIL_IN_BACKGROUND = environment.boolean("EMAIL_IN_BACKGROUND", default=True)
# What the links in mails begin with: never the Host header, which whoever asks can choose.
SITE_URL = environment.site_url(
    "SITE_URL",
    required=EMAIL_BACKEND.endswith("smtp.EmailBackend"),
    https=HTTPS,
)

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

# --- Secrets at rest ----------------------------------------------------------------------------

# Who holds the master keys: a file of ours, or AWS KMS.
SECRETS_PROVIDER = environment.choice("SECRETS_PROVIDER", "local", {"local", "aws-kms"})
SECRETS_KEYRING = Path(
    os.environ.get("SECRETS_KEYRING") or LACUNA_HOME / "secrets" / "keyring.json"
).resolve()
# Beside the private server it is made once, as SECRET_KEY is; elsewhere a missing one is a mistake.
SECRETS_KEYRING_IS_MADE = EMBEDDED_HOME is not None
SECRETS_KMS_KEY = environment.kms_key("SECRETS_KMS_KEY", required=SECRETS_PROVIDER == "aws-kms")

# --- AI providers -------------------------------------------------------------------------------

# Private networks (CIDR) in which a provider's base URL may lie all the same.
PROVIDER_NETWORKS = environment.words("PROVIDER_NETWORKS", [])
# Where `manage.py install_detector` finds its package: a file, an https address; else npm is asked.
DETECTOR_SOURCE = os.environ.get("DETECTOR_SOURCE", "").strip()

# --- Webhooks -----------------------------------------------------------------------------------

# Whether events may be sent within private networks too, and without TLS to this very machine.
WEBHOOK_ALLOW_PRIVATE = environment.boolean("WEBHOOK_ALLOW_PRIVATE", default=False)

# --- Logs ---------------------------------------------------------------------------------------

LOG_LEVEL = environment.choice(
    "LOG_LEVEL", "INFO", {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}
)
LOG_FORMAT = environment.choice(
    "LOG_FORMAT", "text" if sys.stderr.isatty() else "json", {"json", "text"}
)
LOGGING_CONFIG = "config.logs.configure"
LOGGING = logs.configuration(LOG_LEVEL, LOG_FORMAT)
