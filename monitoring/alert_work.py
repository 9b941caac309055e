"""The work that alerts give to workers: letters, and the round of each minute."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import structlog

from accounts import mail
from jobs.lease import report_progress
from jobs.models import Missed, RecurringJob
from jobs.registry import JobKind
from jobs.registry import register as register_kind
from jobs.retry import RetryRule
from jobs.schedule import Recurring, register
from monitoring.actions import alerting_rounds, mail_domains
from monitoring.errors_of_alerts import MailRefused, NotSent
from monitoring.models import AlertLetter

log = structlog.get_logger(__name__)

# 15 s, 1 min, 4 min, 16 min, 1 h, then every 4 h: eight retries within 14 hours.
RETRY: Final = RetryRule(base=15, factor=4, cap=4 * 3600, jitter=0.25)


def send(letter: AlertLetter) -> None:
    """Hand a letter to the mail server; NotSent, to be tried again.

    A worker that is killed between the server's answer and its own note sends it twice: of two
    evils the smaller. MailRefused, for good, where alerts may not write to the address any more.
    """
    if refused := mail_domains.refusal(letter.recipient):
        raise MailRefused(refused)
    delivery = mail.post("alert", letter.recipient, letter.subject, letter.body, waits=True)
    if not delivery.sent:
        raise NotSent(delivery.error or "The mail was not handed to the mail server.")


def evaluate(job: RecurringJob) -> None:
    """The round of each minute: what was missed, what time brings, and who is to be told."""
    outcome = alerting_rounds.run()
    report_progress(job, done=1, total=1, message=outcome.sentence())


LETTERS: Final = register_kind(
    JobKind(
        queue="alert_letters",
        model=AlertLetter,
        handler="monitoring.alert_work.send",
        executor="thread",  # it waits for the mail server
        time_limit=timedelta(minutes=2),
        retry=RETRY,
    )
)
EVALUATE_RULES: Final = register(
    Recurring(
        name="evaluate_rules",
        cron="* * * * *",
        run="monitoring.alert_work.evaluate",
        missed=Missed.ONCE,
        time_limit=timedelta(minutes=10),
        description="Shows rules the samples they missed, notices silences, and tells of alerts.",
    )
)
