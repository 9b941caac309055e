"""The kind of job that webhooks give to workers."""

from datetime import timedelta
from typing import Final

from jobs.registry import JobKind, register
from jobs.retry import RetryRule
from webhooks.models import WebhookDelivery

# 15 s, 45 s, 2 min, 7 min, 20 min, 1 h, 3 h, then every 6 h: with ten retries at most 22.6 h.
RETRY: Final = RetryRule(base=15, factor=3, cap=6 * 3600, jitter=0.25)

WEBHOOKS = register(
    JobKind(
        queue="webhooks",
        model=WebhookDelivery,
        handler="webhooks.handlers.deliver",
        executor="thread",  # it waits for others
        time_limit=timedelta(minutes=1),
        retry=RETRY,
    )
)
