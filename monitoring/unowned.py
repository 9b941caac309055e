"""Which archives are needed; ``jobs.housekeeping.unowned`` removes the others."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from jobs.housekeeping import unowned
from monitoring.actions.archiving import FOLDER
from monitoring.models import AnalysisArchive

_KEY: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def declare() -> None:
    """Tell the housekeeping where archives of analyses lie."""
    shape = re.compile(rf"{FOLDER}/{_KEY}/{_KEY}\.parquet")
    unowned.register(unowned.Area(folder=FOLDER, shape=shape, needed=needed))


def needed(stored: Collection[str]) -> set[str]:
    """Those that an archive names, restored ones too."""
    found = AnalysisArchive.objects.filter(file_path__in=stored)
    return set(found.values_list("file_path", flat=True))
