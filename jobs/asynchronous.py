"""What a coroutine handler needs to work with the database."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from django.db import close_old_connections

P = ParamSpec("P")
T = TypeVar("T")

# Threads of one event loop, each with a connection to the database.
_THREADS: Final = 8
# Seconds after which a function for which nobody waits counts as one that never returns.
_PATIENCE: Final = 5.0


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function that may block or use the database, in a thread, for the same person.

    The event loop goes on meanwhile. A job that is stopped while it waits here does not stop the
    function: what it writes must stand inside ``holding(job)``, as ever. Its thread is given up
    then, so that others do not wait for it.
    """
    loop = asyncio.get_running_loop()
    room = _rooms.setdefault(loop, asyncio.Semaphore(_THREADS))
    call = partial(contextvars.copy_context().run, function, *args, **kwargs)
    async with room:
        future: asyncio.Future[T] = loop.create_future()
        thread = _free_thread()
        thread.inbox.put((call, loop, future))
        try:
            return await future
        except asyncio.CancelledError:
            _give_up(thread)
            raise


def threads_given_up() -> int:
    """How many threads still run a function for which nobody has waited for a while."""
    with _lock:
        _given_up[:] = [thread for thread in _given_up if thread.is_alive()]
        late = time.monotonic() - _PATIENCE
        return sum(thread.given_up_at < late for thread in _given_up)


def _free_thread() -> _Thread:
    with _lock:
        thread = _idle.pop() if _idle else _Thread()
        thread.busy = True
        return thread


def _give_up(thread: _Thread) -> None:
    with _lock:
        if thread.busy:  # else it has just finished, and is idle
            thread.given_up, thread.given_up_at = True, time.monotonic()
            _given_up.append(thread)


class _Thread(threading.Thread):
    """Runs one function after another. A daemon: one that never returns holds up no ending."""

    def __init__(self) -> None:
        super().__init__(name="lacuna coroutine's", daemon=True)
        self.inbox: SimpleQueue[tuple[Callable[[], Any], Any, Any]] = SimpleQueue()
        self.busy = False
        self.given_up, self.given_up_at = False, 0.0
        self.start()

    def run(self) -> None:
        """Until it was given up."""
        while not self.given_up:
            call, loop, future = self.inbox.get()
            close_old_connections()
            try:
                tell = partial(_set_result, future, call())
            except BaseException as error:  # whatever it is, it is the coroutine's
                tell = partial(_set_exception, future, error)
            close_old_connections()
            with _lock:
                self.busy = False
                if not self.given_up:
                    _idle.append(self)
            if not loop.is_closed():
                loop.call_soon_threadsafe(tell)


def _set_result(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _set_exception(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


_rooms: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
_lock = threading.Lock()  # for what follows, and a thread's busy and given_up
_idle: list[_Thread] = []
_given_up: list[_Thread] = []
