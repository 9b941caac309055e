"""Reads settings from the environment: each once, and a wrong one stops the start by its name."""

from __future__ import annotations

import os
import re
import secrets
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()


def boolean(name: str, default: bool) -> bool:
    """The setting as a truth value: on/off, true/false, yes/no, 1/0."""
    text = os.environ.get(name, "").strip().lower()
    if not text:
        return default
    if text in {"on", "true", "yes", "1"}:
        return True
    if text in {"off", "false", "no", "0"}:
        return False
    raise ImproperlyConfigured(f"{name} is {text!r}, but must be on or off.")


def integer(name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
    """The setting as a whole number within its bounds."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    bounds = f"at least {least}" if most is None else f"from {least} to {most}"
    try:
        value = int(text)
    except ValueError:
        raise ImproperlyConfigured(
            f"{name} is {text!r}, but must be a whole number, {bounds}."
        ) from None
    if value < least or (most is not None and value > most):
        raise ImproperlyConfigured(f"{name} is {value}, but must be {bounds}.")
    return value


def choice(name: str, default: str, choices: set[str]) -> str:
    """The setting as one of a few words."""
    value = os.environ.get(name, "").strip() or default
    if value not in choices:
        raise ImproperlyConfigured(
            f"{name} is {value!r}, but must be one of {', '.join(sorted(choices))}."
        )
    return value


def words(name: str, default: list[str]) -> list[str]:
    """The setting as a comma-separated list."""
    value: list[str] = env.list(name, default=default)
    return [word.strip() for word in value if word.strip()]


def database_url(name: str) -> dict[str, Any] | None:
    """The connection that a ``postgresql://`` address describes, or None when it is not set."""
    text = os.environ.get(name, "").strip()
    if not text:
        return None
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} cannot be read: {error}.") from None
    if parts.scheme not in {"postgres", "postgresql"} or len(parts.path) < 2:
        raise ImproperlyConfigured(
            f"{name} must look like postgresql://user:password@host:5432/database"
            " (a Unix socket: postgresql://user@%2Frun%2Fpostgresql/database)."
        )
    try:
        parsed: dict[str, Any] = env.db_url_config(text, engine="database.backend")
        port = parts.port
    except (ValueError, UnicodeError) as error:
        raise ImproperlyConfigured(f"{name} cannot be read: {error}.") from None
    host = unquote(parts.hostname or "") if "%" in parts.netloc else parsed.get("HOST", "")
    parsed |= {
        "HOST": host,
        "PORT": str(port or ""),
        "NAME": unquote(parts.path[1:]),
        "OPTIONS": dict(parsed.get("OPTIONS", {})),
    }
    return parsed


def database_parts() -> dict[str, Any] | None:
    """The connection that DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD and DB_SSL describe."""
    name = os.environ.get("DB_NAME", "").strip()
    if not name:
        return None
    client = os.environ.get("DB_CLIENT", "pg")
    if client != "pg":
        raise ImproperlyConfigured(f"DB_CLIENT is {client!r}, but only pg (PostgreSQL) is served.")
    options = {"sslmode": "require"} if boolean("DB_SSL", default=False) else {}
    return {
        "ENGINE": "database.backend",
        "HOST": os.environ.get("DB_HOST", "localhost"),
        "PORT": str(integer("DB_PORT", 5432, least=1, most=65535)),
        "NAME": name,
        "USER": os.environ.get("DB_USER", ""),
        "PASSWORD": os.environ.get("DB_PASSWORD", ""),
        "OPTIONS": options,
    }


def mail(name: str) -> dict[str, Any]:
    """How mails are sent, as Django's settings EMAIL_...; without the setting they are printed.

    Never says the value: it may hold a password.
    """
    text = os.environ.get(name, "").strip() or "consolemail://"
    form = (
        f"{name} must look like smtp+tls://user:password@host:587 (or smtp://, smtp+ssl://;"
        " %40 for an @ in the user or the password), filemail:///folder, or consolemail://."
    )
    wrong = ImproperlyConfigured(form)
    try:
        parts = urlsplit(text)
        parsed: dict[str, Any] = env.email_url_config(text)
        port = parts.port
    except (ValueError, UnicodeError, ImproperlyConfigured):
        raise wrong from None
    backend = parsed["EMAIL_BACKEND"]
    if backend.endswith("smtp.EmailBackend"):
        if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
            raise wrong
        usual = {"smtp": 25, "smtp+ssl": 465}
        parsed["EMAIL_PORT"] = port or usual.get(parts.scheme, 587)
    elif backend.endswith("filebased.EmailBackend"):
        if parts.netloc or len(parts.path) < 2:
            raise wrong
        parsed["EMAIL_FILE_PATH"] = unquote(parts.path)
    elif backend.endswith("console.EmailBackend"):
        parsed["EMAIL_BACKEND"] = "config.printed_mail.EmailBackend"
    defaults = {"EMAIL_USE_TLS": False, "EMAIL_USE_SSL": False}
    return defaults | {key: value or "" for key, value in parsed.items() if key != "OPTIONS"}


def site_url(name: str, *, required: bool, https: bool) -> str:
    """Where people reach the site, as ``https://host``: what links in mails begin with."""
    text = os.environ.get(name, "").strip().rstrip("/")
    if not text:
        if required:
            raise ImproperlyConfigured(
                f"{name} is missing: mails are sent (EMAIL_URL), and their links need to know where"
                f" the site is. Set it to its address, such as https://lacuna.example.org."
            )
        return "http://localhost:8000"
    try:
        parts = urlsplit(text)
        whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise ImproperlyConfigured(
            f"{name} is {text!r}, but must be the site's address without a path, such as"
            " https://lacuna.example.org."
        )
    if https and parts.scheme != "https":
        raise ImproperlyConfigured(
            f"{name} is {text!r}, but HTTPS is on: it must begin with https://."
        )
    return text


def mail_address(name: str, default: str) -> str:
    """The setting as an address that mails may come from: ``Name <name@host>`` or the address."""
    text = os.environ.get(name, "").strip() or default
    address = parseaddr(text)[1]
    local, _, host = address.rpartition("@")
    if not local or not host or any(sign in text for sign in "\r\n\0"):
        raise ImproperlyConfigured(
            f"{name} is {text!r}, but must be an e-mail address, such as"
            " Lacuna <lacuna@example.org>."
        )
    return text


def token(name: str, *, least: int) -> str:
    """The setting as a secret of at least so many characters that a header can carry, or ""."""
    value = os.environ.get(name, "").strip()
    if value and len(value) < least:
        raise ImproperlyConfigured(
            f"{name} must have at least {least} characters. Set it to random ones:"
            ' python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    if not all("!" <= sign <= "~" for sign in value):
        raise ImproperlyConfigured(
            f"{name} must be of ASCII letters, digits and signs, without spaces: it is sent in a"
            " header."
        )
    return value


def kms_key(name: str, *, required: bool) -> str:
    """The setting as a key of AWS KMS, by ARN or alias, or ""."""
    value = os.environ.get(name, "").strip()
    if required and not value:
        raise ImproperlyConfigured(
            f"{name} is missing: SECRETS_PROVIDER=aws-kms needs a key's ARN, or alias/NAME."
        )
    named = r"alias/[\w/-]+|arn:[\w-]+:kms:[\w-]+:\d+:(key|alias)/[\w/-]+"
    if value and not re.fullmatch(named, value, re.ASCII):
        raise ImproperlyConfigured(
            f"{name} is {value!r}, but must be a key's ARN (arn:aws:kms:REGION:ACCOUNT:key/ID) or"
            " alias/NAME."
        )
    return value


def secret_key(home: Path, *, required: bool) -> str:
    """SECRET_KEY, or, beside the private server only, a key made once and kept in ``home``."""
    key = os.environ.get("SECRET_KEY", "")
    if key:
        if len(key) < 32:
            raise ImproperlyConfigured("SECRET_KEY must have at least 32 characters.")
        return key
    if required:
        raise ImproperlyConfigured(
            "SECRET_KEY is missing. Set it to 50 random characters:"
            ' python -c "import secrets; print(secrets.token_urlsafe(50))"'
        )
    file = home / "secret_key"
    try:
        home.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as new:
                new.write(secrets.token_urlsafe(50))
        except FileExistsError:
            pass
        return file.read_text(encoding="ascii") or secrets.token_urlsafe(50)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it holds no text"
        raise ImproperlyConfigured(
            f"{file} cannot be used ({why}). Set LACUNA_HOME to a directory"
            " that this user may write, or set SECRET_KEY."
        ) from None
