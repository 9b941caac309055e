"""Sealers in processes of their own, and patience."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import connection


class SealerProcess:
    """``manage.py seal_audit`` on the test's database, or ``victim``: one that kills itself."""

    def __init__(self, log: Path, program: str, *arguments: str) -> None:
        self._log = log
        start = [["manage.py", "seal_audit"], ["-m", "tests.audit.sealing.victim"]]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, *start[program == "victim"], *arguments],
                cwd=settings.BASE_DIR,
                env={
                    **os.environ,
                    "DJANGO_SETTINGS_MODULE": "tests.settings",
                    "TEST_DATABASE_NAME": connection.settings_dict["NAME"],
                    "SECRET_KEY": settings.SECRET_KEY,
                    "AUDIT_KEYRING": str(settings.AUDIT_KEYRING),
                    "AUDIT_PUBLISH": ",".join(settings.AUDIT_PUBLISH),
                    "AUDIT_PUBLISH_SECONDS": str(settings.AUDIT_PUBLISH_SECONDS),
                    "LOG_FORMAT": "json",
                    "LOG_LEVEL": "INFO",
                },
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self._log.read_text()

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self, seconds: float = 40) -> int:
        return self._process.wait(seconds)

    def runs(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        if self.runs():
            self._process.kill()
        self._process.wait()


def eventually(condition: Callable[[], object], *, within: float = 60) -> None:
    """Wait until the condition holds; a transaction of the test beside this one may delay it."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
