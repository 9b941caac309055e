"""A few threads for independent parts of one computation."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Team(Protocol):
    """Where independent parts are sent; the answer is a future."""

    def submit(self, part: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start a part, or do it at once."""
        ...


class _Alone:
    """Does each part at once, in the caller's thread."""

    def submit(self, part: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        future.set_result(part(*args, **kwargs))
        return future


@contextmanager
def team_of(threads: int) -> Iterator[Team]:
    """A team of that many threads for the length of the block; one means no thread at all.

    Kernels release the interpreter lock. What is computed never depends on the number of threads:
    parts are independent, and are gathered in a fixed order.
    """
    if threads < 1:
        raise ValueError(f"threads is {threads}; it must be at least 1.")
    if threads == 1:
        yield _Alone()
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="analysis") as pool:
        yield pool
