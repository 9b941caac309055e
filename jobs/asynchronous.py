"""What a coroutine handler needs to work with the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import close_old_connections

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function that may block or use the database, in a thread, for the same person.

    The event loop goes on meanwhile. A job that is stopped while it waits here does not stop the
    function: what it writes must stand inside ``holding(job)``, as ever.
    """

    def call() -> T:
        close_old_connections()
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()

    return await asyncio.to_thread(call)
