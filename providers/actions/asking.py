"""Asking a provider, with another in its place where that fails: the one way to do it.

    told = asking.ask(
        user.pk, picture, prompt, schema, purpose=f"annotation of image {image.pk}",
        choices=[asking.Choice("openai"), asking.Choice("local")],
    )

Providers are tried in the order of ``choices``, or by rank. One is passed over that is off, paused
by its breaker, without a key or without a price; of what is left each is asked once. Money is set
aside first and settled afterwards (``money``), so nobody spends more than their limits however many
ask at once. Not to be called inside a transaction: what was paid must be known whatever becomes of
the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.utils import timezone

from providers import registry
from providers.actions import money
from providers.actions.access import Key, NoKey, key_for
from providers.errors import BudgetExhausted, NobodyToAsk, NotAnswered, PriceUnknown, Reason
from providers.interface import (
    Access,
    Answer,
    AnswerUnreadable,
    KeyRefused,
    Picture,
    Prompt,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    Schema,
)
from providers.interface import Provider as Adapter
from providers.models import BreakerState, Provider, ProviderPrice

log = structlog.get_logger(__name__)

# Beyond the call's own time-out, before money that was set aside comes free.
_SLACK_SECONDS: Final = 60
# When a provider that is down or busy may be asked again, where it does not say.
_WAIT: Final = 30.0

Pictures = Picture | Callable[[Adapter], Picture]


@dataclass(frozen=True, slots=True)
class Choice:
    """A provider to try, and its model; empty: the provider's default."""

    provider: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What was answered, by whom, for how much (US dollars), and why others were not taken."""

    answer: Answer
    provider: Provider
    model: str
    cost: Decimal
    duration_ms: int
    hold_id: UUID
    passed_over: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class _Question:
    user_id: UUID
    picture: Pictures
    prompt: Prompt
    schema: Schema
    purpose: str
    on_hold: Callable[[UUID], object]
    keep: Callable[[Told], object]

    def picture_for(self, adapter: Adapter) -> Picture:
        return self.picture(adapter) if callable(self.picture) else self.picture


class _Passed(Exception):
    """This provider gave no answer; the next may."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.sentence)
        self.reason = reason


def _leave(_: object) -> None:
    """Nothing is to be done with it."""


def ask(
    user_id: UUID,
    picture: Pictures,
    prompt: Prompt,
    schema: Schema,
    *,
    purpose: str,
    choices: Sequence[Choice] = (),
    on_hold: Callable[[UUID], object] = _leave,
    keep: Callable[[Told], object] = _leave,
) -> Told:
    """The first answer that can be had, in the person's name and within their limits.

    ``picture``  what is sent, or a function that makes it for an adapter, in the size it wants
    ``purpose``  what the ledger says the call was for
    ``on_hold``  called with the key of the money that was set aside, before each call
    ``keep``     called with what was told, in the transaction that settles the bill: who has paid
                 has the answer, even if the process dies right after; if it fails, the bill stands

    NotAnswered (NobodyToAsk, BudgetExhausted, PriceUnknown) with a reason for each provider; its
    ``wait`` says when trying again may do. The database works for the person or for the system.
    """
    question = _Question(user_id, picture, prompt, schema, purpose, on_hold, keep)
    reasons: list[Reason] = []
    for provider, model in _candidates(choices, reasons):
        try:
            told = _ask_one(question, provider, model or provider.default_model, reasons)
        except _Passed as passed:
            reasons.append(passed.reason)
            log.info(
                "a provider was passed over",
                provider=passed.reason.provider,
                reason=passed.reason.code,
            )
        else:
            return told
    raise _refusal(reasons)


def _candidates(choices: Sequence[Choice], reasons: list[Reason]) -> list[tuple[Provider, str]]:
    """Who is tried, in order; a name that nobody has is a reason."""
    found = {one.name: one for one in Provider.objects.order_by("rank", "name")}
    if not choices:
        return [(one, "") for one in found.values() if one.is_enabled]
    unknown = [choice.provider for choice in choices if choice.provider not in found]
    reasons += [
        Reason(name[:40], "unknown", f"There is no provider {name!r:.60}.") for name in unknown
    ]
    return [(found[one.provider], one.model) for one in choices if one.provider in found]


def _refusal(reasons: Sequence[Reason]) -> NotAnswered:
    codes = {reason.code for reason in reasons}
    if "budget" in codes:
        return BudgetExhausted("The budget leaves no room for this call.", reasons)
    if codes == {"price_unknown"}:
        return PriceUnknown("What the call would cost is not known.", reasons)
    if not reasons:
        return NobodyToAsk("Every provider is switched off. An admin can switch one on.")
    return NobodyToAsk("No provider answered.", reasons)


# --- One provider ---------------------------------------------------------------------------------


def _ask_one(
    question: _Question, provider: Provider, model: str, reasons: Sequence[Reason]
) -> Told:
    adapter = _usable(provider)
    try:
        key = key_for(question.user_id, provider)
    except NoKey as error:
        raise _Passed(error.reason) from None
    price = money.price_of(provider, model)
    if price is None:
        sentence = f"Nobody has said what {model} of {provider} costs: an admin adds its price."
        raise _Passed(Reason(provider.name, "price_unknown", sentence))
    picture = question.picture_for(adapter)
    amount = money.most_it_costs(price, provider.name, picture, question.prompt, question.schema)
    hold = _reserved(question, provider, model, amount, price)
    call = _Call(hold, amount, provider, model, price)
    question.on_hold(hold)

    def annotate(access: Access) -> Answer:
        return adapter.annotate(access, model, picture, question.prompt, question.schema)

    def told(answer: Answer, cost: Decimal, duration: int) -> Told:
        return Told(answer, provider, model, cost, duration, hold, tuple(reasons))

    return call.made(key, annotate, told, question.keep)


def _usable(provider: Provider) -> Adapter:
    if not provider.is_enabled:
        sentence = f"{provider} is switched off; an admin can switch it on."
        raise _Passed(Reason(provider.name, "off", sentence))
    until = provider.breaker_until
    if provider.breaker_state != BreakerState.CLOSED and until is not None:
        wait = (until - timezone.now()).total_seconds()
        if wait > 0:
            raise _Passed(_paused(provider, wait))
    try:
        return registry.adapter(provider.name)
    except registry.NotInstalled as error:
        raise _Passed(Reason(provider.name, "not_installed", str(error))) from None


def _paused(provider: Provider, wait: float) -> Reason:
    return Reason(
        provider.name,
        "paused",
        f"{provider} failed again and again and is not asked for another {wait:.0f} seconds.",
        wait=wait,
    )


def _reserved(
    question: _Question, provider: Provider, model: str, amount: Decimal, price: ProviderPrice
) -> UUID:
    hold = money.reserve(
        user_id=question.user_id,
        provider=provider,
        model=model,
        purpose=question.purpose,
        amount=amount,
        price=price,
        seconds=provider.timeout_seconds + _SLACK_SECONDS,
    )
    if hold.id is None:
        period = hold.refused or "day"
        sentence = (
            f"{provider} may cost {amount:.4f} $, more than is left of the limit of the {period}."
            f" Wait for the next {period} (UTC), or ask an admin for a higher limit."
        )
        raise _Passed(Reason(provider.name, "budget", sentence, wait=money.seconds_left(period)))
    return hold.id


class _Call:
    """One call from its hold to its entry in the ledger, whatever happens in between."""

    def __init__(
        self, hold: UUID, amount: Decimal, provider: Provider, model: str, price: ProviderPrice
    ) -> None:
        self.hold = hold
        self.amount = amount
        self.provider = provider
        self.model = model
        self.price = price

    def made(
        self,
        key: Key,
        annotate: Callable[[Access], Answer],
        told: Callable[[Answer, Decimal, int], Told],
        keep: Callable[[Told], object],
    ) -> Told:
        """What was told, kept together with its bill; _Passed for everything else."""
        # The breaker is asked last: who is let through to try a provider must go and try it.
        if not may_ask(self.provider):
            money.settle(self.hold, None)
            raise _Passed(_paused(self.provider, _WAIT))
        started, was_sent = time.monotonic(), False

        def sent(access: Access) -> Answer:
            nonlocal was_sent
            # Marked once the key is there: what fails before was never sent.
            if not money.send(self.hold):
                raise _Passed(
                    Reason(self.provider.name, "late", "The call came too late.", wait=_WAIT)
                )
            was_sent = True
            return annotate(access)

        try:
            answer = key.used(sent)
        except NoKey as error:
            money.settle(self.hold, None)
            raise _Passed(error.reason) from None
        except ProviderError as error:
            self._failed(error, key, _since(started))
            raise _Passed(_reason(self.provider, error)) from None
        except _Passed:
            raise
        except BaseException:
            # Ours, or a stop in the middle: it may have been billed, so it counts as billed.
            billed = self.amount if was_sent else None
            money.settle(self.hold, billed, outcome="unknown", is_assumed=True)
            raise
        duration = _since(started)
        cost = money.cost_of(self.price, answer.usage)
        done = told(answer, cost, duration)
        note_outcome(self.provider, worked=True)
        key.note_works()
        self._settle(done, keep)
        return done

    def _settle(self, told: Told, keep: Callable[[Told], object]) -> None:
        answer = told.answer
        settle = partial(
            money.settle,
            self.hold,
            told.cost,
            answer.usage,
            request_id=answer.request_id,
            duration_ms=told.duration_ms,
        )
        try:
            settle(keep=partial(keep, told))
        except BaseException:
            settle()  # what was billed is billed, whether or not there was a place for the answer
            raise

    def _failed(self, error: ProviderError, key: Key, duration: int) -> None:
        cost, assumed = self._billed(error)
        money.settle(
            self.hold,
            cost,
            error.usage,
            outcome=error.code,
            duration_ms=duration,
            is_assumed=assumed,
        )
        if isinstance(error, KeyRefused):
            key.note_refused(error)
        elif isinstance(error, ProviderDown | ProviderBusy):
            note_outcome(self.provider, worked=False)
        elif isinstance(error, AnswerUnreadable):  # it answered, if not to our liking
            note_outcome(self.provider, worked=True)

    def _billed(self, error: ProviderError) -> tuple[Decimal | None, bool]:
        """What a failed call cost, and whether that is assumed; None: it was not billed."""
        if error.usage is not None:
            return money.cost_of(self.price, error.usage), False
        if not error.may_be_billed:
            return None, False
        # Nobody knows: after a broken connection it may have been answered, and billed, over there.
        return self.amount, True


def _reason(provider: Provider, error: ProviderError) -> Reason:
    wait: float | None
    match error:
        case ProviderBusy():
            wait = _WAIT if error.retry_after is None else error.retry_after
        case ProviderDown():
            wait = _WAIT
        case _:
            wait = None
    return Reason(provider.name, error.code, str(error), wait=wait)


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


# --- The breaker ----------------------------------------------------------------------------------


def may_ask(provider: Provider) -> bool:
    """Whether the breaker lets this call through; after a pause it lets one."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT may_ask_provider(%s)", [provider.pk])
        allowed: bool = cursor.fetchone()[0]
    return allowed


def note_outcome(provider: Provider, *, worked: bool) -> str:
    """Tell the breaker how a call ended; its state from now on."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT note_provider_outcome(%s, %s)", [provider.pk, worked])
        state: str = cursor.fetchone()[0]
    return state
