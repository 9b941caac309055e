"""The page that is shown while the database cannot be reached."""

from __future__ import annotations

from typing import Final

import psycopg
from django.db import Error, InterfaceError, OperationalError
from django.http import HttpResponse
from django.template import engines

# Connection exceptions, too many connections, and a server that shuts down or starts up
# (PostgreSQL 18, appendix A); an error without a code comes from a connection that broke.
_AWAY: Final = ("08", "53300", "57P01", "57P02", "57P03")
_SECONDS: Final = 10

# It reads nothing from the database: neither who asks nor what waits.
_PAGE: Final = """{% extends "lacuna/standalone.html" %}
{% block title %}The database is away{% endblock %}
{% block body %}
<h1>The database cannot be reached</h1>
<p class="purpose">What was saved before is safe; what you were doing may not have been saved.
 Try again in a moment. If it stays so, tell an admin.</p>
<p><a class="btn is-primary" href="">Try again</a></p>
{% endblock %}
"""


def is_away(error: Error) -> bool:
    """Whether the error says that there is no connection, rather than that a query failed."""
    if isinstance(error, InterfaceError):
        return True
    cause = error.__cause__
    if not isinstance(error, OperationalError) or not isinstance(cause, psycopg.Error):
        return False
    return cause.sqlstate is None or cause.sqlstate.startswith(_AWAY)


def away_page() -> HttpResponse:
    """A page with status 503 that asks to try again."""
    page = engines["django"].from_string(_PAGE).render()
    response = HttpResponse(page, status=503)
    response["Retry-After"] = str(_SECONDS)
    response["Cache-Control"] = "no-store"
    return response
