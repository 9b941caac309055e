"""Log lines are JSON and carry the request's id."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

SCRIPT = """
import logging, django
django.setup()
import structlog
structlog.contextvars.bind_contextvars(request_id="abc12345")
structlog.get_logger("imaging").info("image stored", image_id="7")
logging.getLogger("a.library").warning("careful with %s", "this")
try:
    password = "hunter2-in-a-local-variable"
    1 / 0
except ZeroDivisionError:
    structlog.get_logger("imaging").exception("failed")
"""


def test_every_line_is_one_json_object_with_the_context(tmp_path: object) -> None:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=settings.BASE_DIR,
        env={
            "PATH": os.environ["PATH"],
            "LACUNA_HOME": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LOG_FORMAT": "json",
        },
        capture_output=True,
        text=True,
        check=True,
    )

    ours, library, failure = [json.loads(line) for line in run.stderr.strip().splitlines()]
    assert (ours["event"], ours["image_id"], ours["level"]) == ("image stored", "7", "info")
    assert ours["request_id"] == library["request_id"] == "abc12345"
    assert library["event"] == "careful with this"
    assert library["timestamp"].endswith("Z")
    assert failure["exception"][0]["exc_type"] == "ZeroDivisionError"
    assert "hunter2" not in run.stderr


LINKS = """
import logging, django
django.setup()
from django.test import RequestFactory
address = "/password_reset/link/sYMsSIvleRCgch6iWjePu21wX5x8aIZ3tpXvy_ynX1k/"
request = RequestFactory().get(address)
logging.getLogger("django.request").error("Fault: %s", address, extra={"request": request})
try:
    raise ValueError(f"nothing at {address}")
except ValueError:
    logging.getLogger("a.library").exception("failed")
logging.getLogger("a.library").warning("see /audit/link/12/ and /images/link")
"""


@pytest.mark.parametrize("form", ["json", "text"])
def test_the_secret_of_a_link_stands_in_no_line(tmp_path: Path, form: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", LINKS],
        cwd=settings.BASE_DIR,
        env={
            "PATH": os.environ["PATH"],
            "LACUNA_HOME": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LOG_FORMAT": form,
        },
        capture_output=True,
        text=True,
        check=True,
    )

    assert "sYMsSIvleRCgch6iWjePu21wX5x8aIZ3tpXvy_ynX1k" not in run.stderr
    assert run.stderr.count("/password_reset/link/(hidden)/") >= 3
    assert "see /audit/link/12/ and /images/link" in run.stderr


@pytest.mark.parametrize(
    ("message", "arguments", "kept"),
    [
        (
            "Invalid request from ip=192.0.2.7: Invalid HTTP Header: 'Authorization Bearer s3cret'",
            (),
            "Invalid request from ip=192.0.2.7: Invalid HTTP Header (hidden)",
        ),
        (
            "Invalid request from ip=::1: Invalid HTTP request line: 'GET /?token=s3cret\nHTTP/1'",
            (),
            "Invalid request from ip=::1: Invalid HTTP request line (hidden)",
        ),
        (
            "Invalid request from ip=: Expected HTTP/2 connection preface, got b's3cret'",
            (),
            "Invalid request from ip=: Expected HTTP/2 connection preface, got b (hidden)",
        ),
        (
            "Error handling request %s %s",
            ("GET", "/invitation/link/s3cret-s3cret-s3cret/?code=s3cret"),
            "Error handling request GET /invitation/link/(hidden)/",
        ),
        ("Booting worker with pid: %s", (7,), "Booting worker with pid: 7"),
    ],
)
def test_the_web_servers_own_lines_repeat_no_request(
    message: str, arguments: tuple[object, ...], kept: str
) -> None:
    line = ("gunicorn.error", logging.WARNING, "base.py", 1, message, arguments, None)
    record = logging.LogRecord(*line)

    assert logging.getLogger("gunicorn.error").filter(record)
    assert record.getMessage() == kept


def test_a_request_answers_with_its_id(client: Client) -> None:
    given = client.get("/livez", headers={"x-request-id": "trace-1234567"})
    assert given.headers["X-Request-ID"] == "trace-1234567"

    for wrong in ("short", "x" * 65, "white space in it", "line\nbreak1234"):
        response = client.get("/livez", headers={"x-request-id": wrong})
        assert response.headers["X-Request-ID"] != wrong
        assert len(response.headers["X-Request-ID"]) == 32
