"""A few threads that share the rows of one computation."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

# Fewer rows than this are not worth a second thread.
_WORTH: Final = 128

# What runs a kernel: called with the number of rows and a function of first and last.
Crew = Callable[[int, Callable[[int, int], object]], None]


@contextmanager
def crew_of(threads: int) -> Iterator[Crew]:
    """Share rows among that many threads for the length of the block; one means the caller's own.

    Threads of our own, not numba's: numba's pools are either not safe with several callers or not
    after a fork. Shares are multiples of four rows (but for the last), as the distance kernel
    wants them.
    """
    if threads < 1:
        raise ValueError(f"threads is {threads}; it must be at least 1.")
    if threads == 1:
        yield _alone
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="map") as pool:

        def shared(rows: int, part: Callable[[int, int], object]) -> None:
            if rows < _WORTH:
                part(0, rows)
                return
            # More shares than threads, so that a thread the machine delays holds nobody up.
            step = -(-rows // (threads * 4) // 4) * 4
            starts = range(0, rows, step)
            done = [pool.submit(part, start, min(start + step, rows)) for start in starts]
            for one in done:
                one.result()

        yield shared


def _alone(rows: int, part: Callable[[int, int], object]) -> None:
    part(0, rows)
