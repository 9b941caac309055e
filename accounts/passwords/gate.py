"""How many passwords one process hashes at once.

Each Argon2id hash takes 64 MiB while it is made; fifty people who log in at the same moment would
take 3.2 GiB. So they wait for one of a few slots, and not for ever.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

# When to come again, once every slot stayed taken for as long as a request may wait.
RETRY_AFTER = 5


class HashingBusy(Exception):
    """Too many passwords are hashed at this moment; ``retry_after`` says when to try again."""

    retry_after: int = RETRY_AFTER


@functools.cache
def _slots(count: int) -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(count)


@contextmanager
def slot() -> Iterator[None]:
    """Hold one of the process's slots (PASSWORD_HASHING_SLOTS); not to be nested.

    HashingBusy, if none came free within PASSWORD_HASHING_WAIT seconds.
    """
    slots = _slots(settings.PASSWORD_HASHING_SLOTS)
    if not slots.acquire(timeout=settings.PASSWORD_HASHING_WAIT):
        raise HashingBusy("Too many people log in at this moment. Wait some seconds and try again.")
    try:
        yield
    finally:
        slots.release()
