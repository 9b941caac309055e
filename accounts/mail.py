"""The letters that Lacuna writes to people: plain text, short, no secret in them but the link.

A letter leaves when the transaction has committed, and its failure undoes nothing: it is logged,
and told to whoever waits for it. Those that nobody waits for are sent beside the request
(EMAIL_IN_BACKGROUND), so that a visitor cannot tell by its time whether there was one.
"""

from __future__ import annotations

import contextvars
import smtplib
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from threading import Lock
from typing import Final

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import Invitation, Session, User

log = structlog.get_logger(__name__)

# Letters that wait for the mail server; what comes on top is given up, and logged.
MOST_WAITING: Final = 1000

_FOOT: Final = "\n\n-- \nLacuna, {site}\n"


@dataclass(slots=True)
class Delivery:
    """What became of a letter; neither sent nor failed while its transaction is open.

    ``error`` is a sentence for an admin, empty as long as nothing went wrong.
    """

    sent: bool = False
    error: str = ""


# --- Letters ----------------------------------------------------------------------------------


def invitation(invited: Invitation, token: str) -> Delivery:
    """The link by which somebody becomes a person here; waits, so that the admin learns of it."""
    host = invited.invited_by
    text = (
        f"{host or 'An admin'} invites you to Lacuna as {_with_article(invited)}.\n\n"
        "Open this link to choose your name and password:\n\n"
        f"{_link('admin:invitation', token)}\n\n"
        f"It works once, until {_moment(invited.expires_at)}. If you did not expect this, do"
        " nothing."
    )
    return post("invitation", invited.email, "Your invitation to Lacuna", text, waits=True)


def password_reset(
    user: User, token: str, *, expires_at: datetime, waits: bool = False
) -> Delivery:
    """The link by which a person sets a new password."""
    text = (
        "Somebody, probably you, asked for a new password for your Lacuna account.\n\n"
        "Open this link to choose one:\n\n"
        f"{_link('admin:password_reset_link', token)}\n\n"
        f"It works once, until {_moment(expires_at)}. If it was not you, do nothing: your password"
        " stays as it is."
    )
    return post("password_reset", user.email, "Your link to a new password", text, waits=waits)


def password_changed(user: User) -> Delivery:
    """After the fact, so that a password that somebody else changed does not go unnoticed."""
    text = (
        f"The password of your Lacuna account was changed at {_moment(timezone.now())}. Other"
        " places where you were logged in have been logged out.\n\n"
        f"If it was not you, tell an admin now, and set a new password:\n\n{_link('admin:login')}"
    )
    return post("password_changed", user.email, "Your password was changed", text)


def token_reused(user: User, session: Session) -> Delivery:
    """A refresh token came a second time: somebody may hold a copy of it."""
    text = (
        f"A token of your session “{session}”, begun at {_moment(session.created_at)}, was used a"
        " second time. It may have been stolen, so the session was ended.\n\n"
        "Log in again on that device. If you do not know it, change your password:\n\n"
        f"{_link('admin:password_change')}"
    )
    return post("token_reused", user.email, "One of your sessions was ended", text)


def second_factor_on(user: User) -> Delivery:
    """One-time codes are demanded from now on."""
    text = (
        "From now on your Lacuna account asks for a one-time code when you log in. Keep the"
        " recovery codes where you find them without your phone.\n\n"
        "If it was not you, tell an admin now."
    )
    return post("second_factor_on", user.email, "One-time codes are on", text)


def second_factor_off(user: User, *, by: User | None) -> Delivery:
    """One-time codes are not asked for any more; ``by`` None is an operator at the server."""
    who = "an operator" if by is None else "you" if by.pk == user.pk else f"{by}, an admin"
    text = (
        f"One-time codes were turned off for your Lacuna account by {who}. You have been logged out"
        " everywhere. You can set them up again after logging in:\n\n"
        f"{_link('admin:second_factor')}\n\n"
        "If you did not ask for this, tell an admin now."
    )
    return post("second_factor_off", user.email, "One-time codes are off", text)


def recovery_code_used(user: User, *, left: int) -> Delivery:
    """A code that stands in for the phone was used; when few are left it says so."""
    text = (
        f"A recovery code was used to log in to your Lacuna account at {_moment(timezone.now())}."
        f" {_codes(left)} left. You can make new ones:\n\n"
        f"{_link('admin:second_factor')}\n\n"
        "If it was not you, tell an admin now, and change your password."
    )
    return post("recovery_code_used", user.email, "A recovery code was used", text)


def recovery_codes_replaced(user: User) -> Delivery:
    """New recovery codes were made; those before are void."""
    text = (
        f"New recovery codes were made for your Lacuna account at {_moment(timezone.now())}. Those"
        " you had before do not work any more.\n\n"
        "If it was not you, tell an admin now, and change your password."
    )
    return post("recovery_codes_replaced", user.email, "New recovery codes", text)


def _codes(left: int) -> str:
    return "No code is" if left == 0 else "One code is" if left == 1 else f"{left} codes are"


def _with_article(invited: Invitation) -> str:
    role = invited.get_role_display()
    return f"{'an' if role[0] in 'aeiouAEIOU' else 'a'} {role}"


def _moment(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%-d %b %Y %H:%M %Z}"


def _link(name: str, *arguments: str) -> str:
    """The address of a page, from SITE_URL: the Host header is the visitor's to choose."""
    return f"{settings.SITE_URL}{reverse(name, args=arguments)}"


# --- Sending ----------------------------------------------------------------------------------


def settle(seconds: float | None = None) -> bool:
    """Wait until the letters handed over so far have been sent, or the time is over; whether so."""
    with _lock:
        waiting = set(_waiting)
    return not wait(waiting, seconds).not_done


_lock: Final = Lock()
_waiting: Final[set[Future[None]]] = set()


def post(letter: str, to: str, subject: str, text: str, *, waits: bool = False) -> Delivery:
    """Send the letter when the transaction has committed; ``letter`` names its kind in the log."""
    message = EmailMessage(subject, text + _FOOT.format(site=settings.SITE_URL), to=[to])
    delivery = Delivery()
    send = partial(_send, letter, message, delivery)
    aside = settings.EMAIL_IN_BACKGROUND and not waits
    transaction.on_commit(partial(_hand_over, send, letter, delivery) if aside else send)
    return delivery


def _hand_over(send: partial[None], letter: str, delivery: Delivery) -> None:
    with _lock:
        if len(_waiting) >= MOST_WAITING:
            delivery.error = "Too many letters wait for the mail server."
            log.error("a mail was given up", letter=letter, reason=delivery.error)
            return
        future = _postbox().submit(contextvars.copy_context().run, send)
        _waiting.add(future)
    future.add_done_callback(_is_done)


def _is_done(future: Future[None]) -> None:
    with _lock:
        _waiting.discard(future)


@cache
def _postbox() -> ThreadPoolExecutor:
    """Made at first use, so after a server has forked; a process that ends empties it first."""
    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="mail")


def _send(letter: str, message: EmailMessage, delivery: Delivery) -> None:
    """Send it now. Neither the address nor the text is logged, nor what the server said of them."""
    try:
        message.send()
    except Exception as error:  # what was done is done, whatever a mail server answers
        delivery.error = _sentence(error)
        log.error(  # noqa: TRY400 - a traceback could carry the address
            "a mail could not be sent", letter=letter, error=type(error).__name__
        )
    else:
        delivery.sent = True
        log.info("a mail was sent", letter=letter)


def _sentence(error: Exception) -> str:
    """Why a mail was not sent, for an admin."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            return "The mail server does not accept the address."
        case smtplib.SMTPAuthenticationError():
            return "The mail server refuses our login: check EMAIL_URL."
        case smtplib.SMTPSenderRefused():
            return "The mail server does not accept mails from EMAIL_FROM."
        case smtplib.SMTPException():
            return f"The mail server refused the mail ({type(error).__name__})."
        case OSError():
            return "The mail server does not answer: check EMAIL_URL."
        case _:
            return f"The mail could not be sent ({type(error).__name__})."
