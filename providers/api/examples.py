"""Values shown in the documentation of providers, keys, usage and quotas."""

from __future__ import annotations

from typing import Any, Final

KEY: Final[dict[str, Any]] = {
    "id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e70",
    "provider": "openai",
    "key_hint": "f4Qs",
    "is_active": True,
    "status": "works",
    "error_message": "",
    "tested_at": "2026-11-21T14:05:00.000000Z",
    "last_used_at": None,
    "stopped_at": None,
    "stopped_reason": "",
    "created_at": "2026-11-21T14:05:00.000000Z",
    "updated_at": "2026-11-21T14:05:00.000000Z",
}
NEW_KEY: Final[dict[str, Any]] = {
    "provider": "openai",
    "key": "sk-example",
    "even_untested": False,
}
KEY_CHANGES: Final[dict[str, Any]] = {
    "is_active": False,
}
TESTED: Final[dict[str, Any]] = {
    "status": "works",
    "said": "The provider takes the key.",
}
PROVIDER: Final[dict[str, Any]] = {
    "id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e71",
    "name": "openai",
    "display_name": "OpenAI",
    "is_enabled": True,
    "default_model": "gpt-5.5",
    "base_url": None,
    "timeout_seconds": 60,
    "rank": 20,
    "needs_key": True,
    "has_team_key": True,
    "breaker_state": "closed",
    "breaker_until": None,
    "health": "healthy",
    "checked_at": "2026-11-21T14:05:00.000000Z",
    "created_at": "2026-11-21T14:05:00.000000Z",
    "updated_at": "2026-11-21T14:05:00.000000Z",
}
PROVIDER_CHANGES: Final[dict[str, Any]] = {
    "rank": 5,
    "timeout_seconds": 90,
}
QUOTA: Final[dict[str, Any]] = {
    "id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e72",
    "user": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10",
    "daily_cost_limit": "5.000000",
    "monthly_cost_limit": "60.000000",
    "daily_request_limit": None,
    "monthly_request_limit": None,
    "created_at": "2026-11-21T14:05:00.000000Z",
    "updated_at": "2026-11-21T14:05:00.000000Z",
}
QUOTA_CHANGES: Final[dict[str, Any]] = {
    "monthly_request_limit": 2000,
    "daily_cost_limit": None,
}
NEW_QUOTA: Final[dict[str, Any]] = {
    "user": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10",
    "daily_cost_limit": "5.00",
}
CALL: Final[dict[str, Any]] = {
    "id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e73",
    "user": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10",
    "provider": "openai",
    "model": "gpt-5.5",
    "purpose": "AI job 01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e74",
    "input_tokens": 1480,
    "cached_input_tokens": 0,
    "output_tokens": 210,
    "images": 1,
    "cost": "0.004120",
    "is_assumed": False,
    "outcome": "answered",
    "request_id": "req_8f1c",
    "duration_ms": 2140,
    "price": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e75",
    "created_at": "2026-11-21T14:05:00.000000Z",
}
DAY: Final[dict[str, Any]] = {
    "id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e76",
    "user": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10",
    "provider": "openai",
    "model": "gpt-5.5",
    "usage_date": "2026-11-21",
    "request_count": 212,
    "failure_count": 3,
    "input_tokens": 313760,
    "cached_input_tokens": 0,
    "output_tokens": 44520,
    "images": 212,
    "total_cost": "0.873440",
}
LEFT: Final[dict[str, Any]] = {
    "period": "day",
    "starts_on": "2026-11-21",
    "cost_limit": "5.000000",
    "spent": "0.873440",
    "held": "0.020000",
    "left": "4.106560",
    "requests": 212,
    "request_limit": None,
}
