"""What the OpenAPI document shows of people and their access; nobody of them exists."""

from __future__ import annotations

from typing import Any, Final

_KEY = "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e"
PERSON_ID: Final = f"{_KEY}01"
SESSION_ID: Final = f"{_KEY}02"
MADE: Final = "2026-11-21T14:05:00.000000Z"
LATER: Final = "2026-12-05T14:05:00.000000Z"
CODE: Final = "492039"
PASSWORD: Final = "three ponies on a roof"  # noqa: S105 - nobody's
LINK_TOKEN: Final = "the-token-from-the-mail"  # noqa: S105 - nor this

PERSON: Final[dict[str, Any]] = {
    "id": PERSON_ID,
    "full_name": "Ada Example",
    "role": "analyst",
    "is_active": True,
    "email": "ada@example.org",
    "is_email_verified": True,
    "last_login_at": MADE,
    "locked_until": None,
    "created_at": MADE,
    "updated_at": MADE,
}
API_KEY: Final[dict[str, Any]] = {
    "id": f"{_KEY}03",
    "user": PERSON_ID,
    "name": "Microscope 2",
    "description": "Uploads what it takes.",
    "prefix": "lk_3f0b6c8d",
    "scopes": ["write:images"],
    "networks": ["192.0.2.0/24"],
    "rate_limit_per_minute": 600,
    "is_active": True,
    "created_at": MADE,
    "updated_at": MADE,
    "expires_at": LATER,
    "last_used_at": None,
    "revoked_at": None,
}
NEW_API_KEY: Final = API_KEY | {"key": "lk_3f0b6c8d.shown-this-once"}
API_KEY_VALUES: Final[dict[str, Any]] = {
    "name": "Microscope 2",
    "description": "Uploads what it takes.",
    "networks": ["192.0.2.0/24"],
    "rate_limit_per_minute": 600,
    "expires_at": LATER,
}
INVITATION: Final[dict[str, Any]] = {
    "id": f"{_KEY}04",
    "email": "grace@example.org",
    "role": "viewer",
    "invited_by": PERSON_ID,
    "created_at": MADE,
    "expires_at": LATER,
    "accepted_at": None,
    "accepted_by": None,
    "revoked_at": None,
}
SENT: Final[dict[str, Any]] = {"sent": True, "error": ""}
SESSION: Final[dict[str, Any]] = {
    "id": SESSION_ID,
    "user": PERSON_ID,
    "kind": "api",
    "device_name": "lab script",
    "user_agent": "lab-script/1.0",
    "ip_address": "192.0.2.7",
    "has_second_factor": True,
    "is_current": True,
    "is_live": True,
    "created_at": MADE,
    "last_used_at": MADE,
    "expires_at": LATER,
    "ended_at": None,
    "end_reason": "",
}
TOKENS: Final[dict[str, Any]] = {
    "access_token": "eyJ…",
    "token_type": "Bearer",
    "expires_in": 900,
    "access_expires_at": MADE,
    "refresh_token": "shown-this-once",
    "refresh_expires_at": LATER,
    "session": SESSION_ID,
}
ME: Final[dict[str, Any]] = {
    "id": PERSON_ID,
    "email": "ada@example.org",
    "full_name": "Ada Example",
    "role": "analyst",
    "permissions": ["imaging.view_image"],
    "second_factor": True,
    "session": SESSION_ID,
    "last_login_at": MADE,
}
ROLES: Final[dict[str, Any]] = {
    "results": [
        {
            "role": "viewer",
            "title": "viewer",
            "uses_staff_pages": True,
            "permissions": [
                {"name": "imaging.view_image", "sentence": "See images.", "given": True}
            ],
        }
    ],
    "next": None,
    "previous": None,
}
ENROLMENT: Final[dict[str, Any]] = {
    "secret": "BASE32SHOWNTHISONCE",
    "uri": "otpauth://totp/Lacuna:ada@example.org?secret=BASE32SHOWNTHISONCE&issuer=Lacuna",
    "svg": "<svg …></svg>",
}
KEY_SET: Final[dict[str, Any]] = {
    "keys": [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "kid": "2026-11-21",
            "alg": "EdDSA",
            "use": "sig",
        }
    ]
}
