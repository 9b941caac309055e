"""What providers' actions refuse, each with a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ProvidersError(Exception):
    """The text is for the reader."""


class NoSuchProvider(ProvidersError):
    """There is no provider of this name."""


class NotAllowed(ProvidersError):
    """Whoever asks may not do this."""


class NoSuchKey(ProvidersError):
    """There is no such key, or it is somebody else's."""


class KeyStopped(ProvidersError):
    """An admin stopped the key; its owner does not start it again."""


class ReasonMissing(ProvidersError):
    """Whoever stops somebody else's key says why, in a few words."""


class KeyNotTaken(ProvidersError):
    """The key is not stored."""


class KeyNotTested(KeyNotTaken):
    """The provider could not be asked now; the key is stored only if that is said."""


class NotPossible(ProvidersError):
    """The values cannot be set; ``fields`` says what is wrong with which."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        super().__init__(" ".join(text for texts in fields.values() for text in texts))
        self.fields = fields


class WrongPrices(ProvidersError):
    """A list of prices cannot be read."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one provider did not answer.

    ``code``   one word for statistics: that of the provider's error, or ``off``, ``no_key``,
               ``paused``, ``not_installed``, ``price_unknown``, ``budget``
    ``wait``   seconds after which it may be tried again; None where that is in vain
    """

    provider: str
    code: str
    sentence: str
    wait: float | None = None


class NotAnswered(ProvidersError):
    """Nobody answered; ``reasons`` has one for each provider that was thought of.

    ``wait``  seconds after which trying again may do; None where somebody has to act first
    """

    def __init__(self, sentence: str, reasons: Sequence[Reason] = ()) -> None:
        super().__init__(" ".join([sentence, *(reason.sentence for reason in reasons)]))
        self.reasons = tuple(reasons)
        waits = [reason.wait for reason in self.reasons if reason.wait is not None]
        self.wait = min(waits, default=None)


class NobodyToAsk(NotAnswered):
    """Every provider is off, without a key, paused, or failed."""


class BudgetExhausted(NotAnswered):
    """What the person may spend in a day or month is spent or held."""


class PriceUnknown(NotAnswered):
    """Nobody has said what the model costs, so it is not asked."""
