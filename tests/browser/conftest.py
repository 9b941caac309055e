"""A real browser for the page tests.

    @pytest.mark.browser
    def test_the_list_works(staff_page: StaffPage) -> None:
        page = staff_page("moderator").open("/imaging/image/")
        ...
        staff_page.check()

``open`` and ``check`` fail for a console error, a request to another origin, a serious or critical
accessibility finding (axe), and a page that scrolls sideways.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests.browser.harness import StaffPage
from tests.browser.provide import find_browser
from tests.factories import make_user

_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the session; without one the tests are skipped, in CI they fail."""
    path = find_browser()
    if path is None:
        reason = "There is no Chromium: install one or name it in LACUNA_BROWSER."
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    patch = pytest.MonkeyPatch()
    # Playwright runs an event loop in this thread, which Django takes for asynchronous code.
    patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield started
        started.close()
    patch.undo()


@pytest.fixture
def staff_page(browser: Browser, live_server: LiveServer, tmp_path: Path) -> Iterator[StaffPage]:
    """A page of the running site; call it with a role, or a person, to be logged in."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, base_url=live_server.url, reduced_motion="reduce"
    )
    page = StaffPage(context, live_server.url, tmp_path, lambda who: _log_in(context, who))
    yield page
    context.close()


def _log_in(context: BrowserContext, who: str | User) -> User:
    """Give the browser the session of the person, or of a new one with the role."""
    person = make_user(who) if isinstance(who, str) else who
    client = Client()
    client.force_login(person)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies(
        [{"name": name, "value": client.cookies[name].value, "domain": "localhost", "path": "/"}]
    )
    return person
