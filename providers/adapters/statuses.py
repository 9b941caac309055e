"""An HTTP answer that is no success, as the refusal it means.

The provider's own words are never repeated: they may quote the key, the request or the picture.
Only codes that are known beforehand come into a sentence.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final

from providers.interface import (
    KeyRefused,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    RequestRefused,
)

LONGEST_WAIT: Final = 24 * 3600.0  # seconds; who asks for more is believed no further
_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?\Z")

# The key is right, but buys nothing: trying again with it is in vain.
_SPENT: Final = {"insufficient_quota", "billing_error", "billing_hard_limit_reached"}
# Google answers 400 to a key that it does not know.
_BAD_KEY: Final = {"API_KEY_INVALID", "API_KEY_EXPIRED", "invalid_api_key", "authentication_error"}
_TELLING: Final = {
    "content_policy_violation": "its rules forbid the content",
    "context_length_exceeded": "picture and text are too long for the model",
    "empty_image_file": "the picture is empty",
    "image_content_policy_violation": "its rules forbid the content",
    "image_file_too_large": "the picture is too large",
    "image_parse_error": "it cannot read the picture",
    "image_too_large": "the picture is too large",
    "image_too_small": "the picture is too small",
    "invalid_image": "it cannot read the picture",
    "invalid_image_format": "it cannot read the picture's format",
    "invalid_json_schema": "it does not accept the JSON schema",
    "model_not_found": "it has no such model, or not for this key",
    "not_found_error": "it has no such model, or not for this key",
    "request_too_large": "the request is too large",
    "unsupported_image_media_type": "it cannot read the picture's format",
    "unsupported_parameter": "the model does not take one of the parameters",
    "FAILED_PRECONDITION": "it is not offered in this country or without billing",
    "NOT_FOUND": "it has no such model, or not for this key",
}
_BY_STATUS: Final = {
    404: "it has no such model, or the base URL is wrong",
    405: "there is no such API at the base URL",
    413: "the request is too large",
    415: "it cannot read the picture's format",
}


def refusal(title: str, status: int, headers: Mapping[str, str], body: Any) -> ProviderError:
    """The error that an answer with this status means.

    ``title``    what the provider is called, such as "OpenAI"
    ``headers``  with names in small letters
    ``body``     the parsed JSON, or None where it was none
    """
    codes = set(_codes(body))
    if status in {401, 403} or (status == 400 and codes & _BAD_KEY):
        return KeyRefused(
            f"{title} refuses the key (HTTP {status}): it is wrong, revoked, or not allowed to use"
            " this model. Enter another one."
        )
    if status == 402 or (status == 429 and codes & _SPENT):
        return KeyRefused(
            f"{title} refuses the key (HTTP {status}): its credit is used up. Pay the account, or"
            " enter another key."
        )
    if status == 429:
        wait = retry_after(headers, body)
        when = "" if wait is None else f" Ask again in {wait:.0f} seconds."
        return ProviderBusy(f"{title} is asked too often (HTTP 429).{when}", retry_after=wait)
    if status >= 500 or status in {408, 425}:
        return ProviderDown(
            f"{title} has a fault of its own (HTTP {status}). Try again later.",
            may_be_billed=False,
        )
    if 300 <= status < 400:
        return RequestRefused(
            f"{title} sends elsewhere (HTTP {status}), which is not followed, so that the key goes"
            " nowhere else. Write the real address into the base URL."
        )
    return RequestRefused(f"{title} refuses the request{_why(status, codes)} (HTTP {status}).")


def failed(title: str, code: str) -> ProviderError:
    """The error that an answer means which says in its body that it failed."""
    if code == "rate_limit_exceeded":
        return ProviderBusy(f"{title} is asked too often.")
    if code in {"server_error", "vector_store_timeout"} or not code:
        return ProviderDown(
            f"{title} has a fault of its own. Try again later.", may_be_billed=False
        )
    return RequestRefused(f"{title} refuses the request{_why(0, {code})}.")


def retry_after(headers: Mapping[str, str], body: Any = None) -> float | None:
    """How many seconds to wait, or None where it is not said. Never negative.

    Retry-After (RFC 9110, 10.2.3) in seconds or as a date, which is counted from the answer's own
    date where it has one: the provider's clock and ours may differ. Google says it in the body.
    """
    if _SECONDS.match(said := headers.get("retry-after-ms", "").strip()):
        return min(float(said) / 1000, LONGEST_WAIT)
    said = headers.get("retry-after", "").strip()
    if _SECONDS.match(said):
        return min(float(said), LONGEST_WAIT)
    if (until := _moment(said)) is not None:
        now = _moment(headers.get("date", ""))
        return min(max(until - (time.time() if now is None else now), 0.0), LONGEST_WAIT)
    for detail in _details(body):
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and _SECONDS.match(delay.removesuffix("s")):
            return min(float(delay.removesuffix("s")), LONGEST_WAIT)
    return None


def _moment(text: str) -> float | None:
    """Seconds since 1970 of an HTTP date."""
    try:
        moment = parsedate_to_datetime(text)
        # "-0000" says that the zone is unknown; HTTP's dates are all in universal time.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _why(status: int, codes: set[str]) -> str:
    telling = sorted({_TELLING[code] for code in codes if code in _TELLING})
    reason = telling[0] if telling else _BY_STATUS.get(status, "")
    return f": {reason}" if reason else ""


def _codes(body: Any) -> Iterator[str]:
    """Every code in the error's usual places, whatever the provider."""
    error = _error(body)
    for name in ("code", "type", "status"):
        if isinstance(error.get(name), str):
            yield error[name]
    for detail in _details(body):
        if isinstance(detail.get("reason"), str):
            yield detail["reason"]


def _details(body: Any) -> Iterator[Mapping[str, Any]]:
    details = _error(body).get("details")
    if isinstance(details, list):
        yield from (detail for detail in details[:16] if isinstance(detail, dict))


def _error(body: Any) -> Mapping[str, Any]:
    if isinstance(body, list) and body:  # Google wraps some errors into a list
        body = body[0]
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}
