"""The optional detector of the local provider: install it, put it in force, remove it.

Its files lie on each machine by itself, below LACUNA_HOME. Which model the local provider is asked
for is one fact for all machines, the provider's default model: what is asked for is what answers,
so that a cached answer always belongs to the model that its key names. A machine without the files
says so instead of answering with something else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from django.conf import settings

from accounts.models import User
from database.actor import acting_as
from imaging import detector_source
from imaging.vision import DETECTOR_MODEL, MODEL, detector_weights
from providers.actions import changing, prices
from providers.actions.access import find_provider
from providers.actions.prices import Listed

PROVIDER: Final = "local"


@dataclass(slots=True)
class Done:
    """What was done, or would be.

    ``before``  how the files stood: installed, missing or damaged
    ``files``   those that were written or removed
    ``model``   what the local provider is asked for afterwards
    """

    before: str
    model: str
    files: list[Path] = field(default_factory=list)
    switched: bool = False


def directory() -> Path:
    """Where the networks' files lie on this machine."""
    home: Path = settings.LACUNA_HOME
    return home / "models"


def asked_model() -> str:
    """The model that the local provider is asked for where nobody names one."""
    return find_provider(PROVIDER).default_model


def install(source: str, *, by: User | None, dry_run: bool = False) -> Done:
    """Fetch, prove and store the detector, where that is not done yet; safe to repeat.

    ``source``  as `imaging.detector_source.archive` takes it
    ``by``      the admin in whose name the local provider is asked for it from now on; None leaves
                what it is asked for. A model that somebody chose themselves is left in any case.

    With ``dry_run`` a file is examined, but nothing is fetched and nothing stored. Raises
    `SourceUnavailable`, `WeightsMissing`, `NotAllowed`.
    """
    done = Done(detector_weights.state(directory()), asked_model())
    at_hand = bool(source) and not detector_source.is_address(source)
    if done.before != "installed" and (at_hand or not dry_run):
        with TemporaryDirectory(prefix="lacuna-detector-") as folder:
            made = detector_weights.made_of(detector_source.archive(source, Path(folder)))
        if not dry_run:
            detector_weights.install(directory(), made)
    if done.before != "installed":
        names = (detector_weights.FILE_NAME, detector_weights.LICENCE_NAME)
        done.files = [directory() / name for name in names]
    if by is not None and done.model == MODEL:
        _ask_for(DETECTOR_MODEL, done, by=by, dry_run=dry_run)
    return done


def remove(*, by: User | None, dry_run: bool = False) -> Done:
    """Ask the local provider for figure and ground again, and remove the files; safe to repeat.

    ``by`` as for `install`. Raises `WeightsMissing` where a file cannot be removed, `NotAllowed`.
    """
    done = Done(detector_weights.state(directory()), asked_model())
    if by is not None and done.model == DETECTOR_MODEL:
        _ask_for(MODEL, done, by=by, dry_run=dry_run)
    if dry_run:
        names = (detector_weights.FILE_NAME, detector_weights.LICENCE_NAME)
        done.files = [directory() / name for name in names if (directory() / name).exists()]
    else:
        done.files = detector_weights.remove(directory())
    return done


def _ask_for(model: str, done: Done, *, by: User, dry_run: bool) -> None:
    if not dry_run:
        # A model without a price is not asked; what runs here costs nothing.
        free = Listed(PROVIDER, model, Decimal(0), Decimal(0))
        prices.take_in([free], source="runs here")
        with acting_as(by.pk):
            changing.change(PROVIDER, by=by, default_model=model)
    done.model, done.switched = model, True
