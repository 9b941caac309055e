"""How a process of the worker is tied to its parent, and kept from the signals meant for it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from multiprocessing import parent_process
from pathlib import Path
from types import FrameType
from typing import Final

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


def die_with_parent() -> None:
    """Let the kernel kill this process when the one that started it ends, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def die_with_worker() -> None:
    """The same for a fork server's child, whose worker is not its parent: when the pipe closes.

    The fork server dies with the worker and its children with it; this is for the moments in
    between, and for kernels without that service.
    """
    worker = parent_process()
    if worker is None:
        return

    def watch() -> None:
        worker.join()
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def ignore(number: int, frame: FrameType | None) -> None:
    """A signal handler that does nothing. Unlike SIG_IGN it is not passed on to programs that a
    handler starts.
    """


def stand_apart() -> None:
    """Leave the terminal's and the service manager's signals to the worker.

    The process leads a group of its own, so that it can be killed with all that it started.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ignore)
    with contextlib.suppress(OSError):
        os.setsid()
    # When memory runs out, the kernel should take the job, not the worker or the database.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
