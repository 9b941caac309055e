"""Log lines are JSON and carry the request's id."""

from __future__ import annotations

import json
import os
import subprocess
import sys

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


def test_a_request_answers_with_its_id(client: Client) -> None:
    given = client.get("/livez", headers={"x-request-id": "trace-1234567"})
    assert given.headers["X-Request-ID"] == "trace-1234567"

    for wrong in ("short", "x" * 65, "white space in it", "line\nbreak1234"):
        response = client.get("/livez", headers={"x-request-id": wrong})
        assert response.headers["X-Request-ID"] != wrong
        assert len(response.headers["X-Request-ID"]) == 32
