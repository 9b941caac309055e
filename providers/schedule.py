"""The recurring work of providers."""

from datetime import timedelta

from jobs.lease import report_progress
from jobs.models import Missed, RecurringJob
from jobs.schedule import Recurring, register
from providers.actions import alerts, health, money


def check_providers(job: RecurringJob) -> None:
    """Ask every provider for something that is not billed."""
    found = health.check_all()
    told = ", ".join(f"{one.provider} {one.status or 'not checked'}" for one in found)
    report_progress(job, done=len(found), total=len(found), message=told or "none is on")


def mind_spending(job: RecurringJob) -> None:
    """Settle what nobody settled, and tell people what is spent."""
    ended, letters = money.expire(), alerts.mail_new()
    report_progress(job, done=1, total=1, message=f"{ended} holds ended, {letters} letters")


CHECK_PROVIDERS = register(
    Recurring(
        name="check_providers",
        cron="*/5 * * * *",
        run="providers.schedule.check_providers",
        missed=Missed.SKIP,
        time_limit=timedelta(minutes=4),
        max_retries=0,
        description="Asks every AI provider that is on how it is; not billed.",
    )
)
MIND_SPENDING = register(
    Recurring(
        name="mind_spending",
        cron="* * * * *",
        run="providers.schedule.mind_spending",
        missed=Missed.ONCE,
        time_limit=timedelta(minutes=5),
        description="Settles calls that nobody settled, and mails alerts of cost.",
    )
)
