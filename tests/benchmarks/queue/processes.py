"""The processes of a benchmark: workers that run until terminated, and sessions that answer.

Every system speaks one protocol. A *session* is a process that reads a line of JSON,
``{"verb": ..., ...}``, and answers with one; a *worker* takes jobs until SIGTERM.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

ROOT: Final = Path(__file__).resolve().parents[3]
_GRACE: Final = 20.0  # seconds to end after SIGTERM
_PATIENCE: Final = 120.0  # seconds for an answer


class ProcessFailed(Exception):
    """A process of the benchmark ended, or did not do what it was started for."""


class Process:
    """A process whose output is kept for the story of its failure; ended with the block."""

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        self._name = " ".join(Path(part).name for part in command[:3])
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - end() closes it
        self._process = subprocess.Popen(
            [str(part) for part in command],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=self._stdout(),
            stderr=self._output,
            start_new_session=True,  # an interrupt of the benchmark ends it, in its turn
        )

    def _stdout(self) -> Any:
        return self._output

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self.end()

    def check(self) -> None:
        """ProcessFailed, with what the process said last, if it has ended."""
        code = self._process.poll()
        if code is not None:
            raise ProcessFailed(f"{self._name} ended with exit code {code}: {self.said()}")

    def said(self) -> str:
        """The end of what the process wrote."""
        size = self._output.seek(0, os.SEEK_END)
        self._output.seek(max(0, size - 2000))
        return self._output.read().decode(errors="replace").strip() or "(it said nothing)"

    def end(self) -> None:
        """Ask the process to end, then insist, with all that it started."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._output):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


class Session(Process):
    """A process that answers; it lives through all rounds, so that it is as warm as we are."""

    def _stdout(self) -> Any:
        return subprocess.PIPE

    def ask(self, verb: str, **wish: Any) -> dict[str, Any]:
        """The answer to one wish; ProcessFailed if there is none."""
        self.check()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        wanted = json.dumps({"verb": verb, **wish})
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(wanted.encode() + b"\n")
            self._process.stdin.flush()
        answer, _, _ = select.select([self._process.stdout], [], [], _PATIENCE)
        line = self._process.stdout.readline() if answer else b""
        if not line:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
            self.check()
            raise ProcessFailed(f"{self._name} did not answer {verb!r} in {_PATIENCE:g} s.")
        parsed: dict[str, Any] = json.loads(line)
        return parsed


@contextmanager
def notes() -> Iterator[Path]:
    """An empty file where handlers write ``<job id> <moment>`` lines."""
    with tempfile.TemporaryDirectory(prefix="lacuna-bench-") as folder:
        file = Path(folder) / "notes"
        file.touch()
        yield file


def read_notes(file: Path) -> dict[str, float]:
    """The moment at which each job's handler began, by the job's id; whole lines only."""
    lines = file.read_text(encoding="ascii").splitlines(keepends=True)
    pairs = (line.split() for line in lines if line.endswith("\n"))
    return {key: float(moment) for key, moment in pairs}
