"""``manage.py demo``, as somebody would run it who has never seen the project."""

from __future__ import annotations

import http.cookiejar
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from config import demonstration
from database import embedded

pytestmark = pytest.mark.heavy

PATIENCE = 90.0


class Demonstration:
    """A running demonstration and what it has said so far."""

    def __init__(self, home: Path) -> None:
        self.said = ""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DATABASE", "DB_"))}
        self.process = subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "demo", "--port", "8600"],
            env={
                **kept,
                "LACUNA_HOME": str(home),
                "DJANGO_SETTINGS_MODULE": "config.settings",
                "NUMBA_CACHE_DIR": str(settings.LACUNA_HOME / "numba"),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line

    def find(self, pattern: str) -> str:
        """What the pattern's first group matches in the output, once it appears."""
        deadline = time.monotonic() + PATIENCE
        while not (match := re.search(pattern, self.said)):
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.1)
        return match[1]

    def stop(self, number: int) -> None:
        self.process.send_signal(number)
        self.process.wait(60)
        self._listener.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def running(home: Path, stop_with: int = signal.SIGINT) -> Iterator[Demonstration]:
    demonstration_ = Demonstration(home)
    try:
        yield demonstration_
    finally:
        demonstration_.stop(stop_with)


class Visitor:
    """A browser without a screen."""

    def __init__(self, address: str) -> None:
        self.address = address
        jar = http.cookiejar.CookieJar()
        self.open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar)).open

    def page(self, path: str) -> str:
        with self.open(self.address + path, timeout=30) as response:
            text: str = response.read().decode()
        return text

    def log_in(self, email: str, password: str) -> str:
        form = self.page("login/?next=/imaging/image/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        assert token
        fields = {"username": email, "password": password, "csrfmiddlewaretoken": token[1]}
        data = urllib.parse.urlencode({**fields, "next": "/imaging/image/"}).encode()
        with self.open(self.address + "login/", data, timeout=30) as response:
            text: str = response.read().decode()
        return text


def test_a_stranger_sees_photographs_analysed_and_can_come_back(open_path: Path) -> None:
    home = open_path / "somebody's home"
    with running(home) as first:
        address = first.find(r"(http://127\.0\.0\.1:\d+/)")
        password = first.find(r"with the password +(\S+)")
        visitor = Visitor(address)
        listed = visitor.log_in("analyst@lacuna.example", password)
        assert all(name in listed for name in ("chelsea.png", "retina.jpg"))
        deadline = time.monotonic() + PATIENCE
        while not re.search(r"analysis_status__exact=completed|completed", listed):
            assert time.monotonic() < deadline
            listed = visitor.page("imaging/image/")
    assert "Stopping" in first.said
    assert first.said.count(password) == 1
    assert "Traceback" not in first.said

    with running(home, stop_with=signal.SIGTERM) as second:
        again = second.find(r"with the password +(\S+)")
        assert again != password, "the password is new at each start"
        assert "0 photographs were added" in second.find(r"(\d+ photographs were added)")
    assert len(demonstration.photographs()) == 12
    assert (home / "audit" / "keyring.json").stat().st_mode & 0o077 == 0
    published = list((home / "audit" / "checkpoints").glob("lacuna-*_audit/latest"))
    assert len(published) == 1, "both starts seal one log, with one key"

    deadline = time.monotonic() + 30
    while embedded.status(home / "postgres").running:
        assert time.monotonic() < deadline, "the server stops with its last user"
        time.sleep(0.2)


def test_the_demonstration_keeps_away_from_a_configured_server(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "demo"],
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": "postgresql://someone@127.0.0.1:1/production",
            "SECRET_KEY": "k" * 50,
            "LACUNA_HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert run.returncode == 1
    assert "Unset DATABASE_URL" in run.stderr
    assert "Traceback" not in run.stderr
