"""What every page must pass in a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

from accounts.models import User

NARROW, WIDE, HEIGHT = 800, 1440, 900
# What axe finds serious, and that alone: all it found well is a megabyte of each page.
_AXE = """
async (rules) => {
  const options = { preload: false, resultTypes: ["violations"], elementRef: false };
  if (rules.length) options.runOnly = rules;
  const { violations } = await axe.run(document, options);
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, impact, nodes }) => `${id} (${impact}) at ` +
      nodes.slice(0, 3).map(({ target }) => target.join(" ")).join(", "));
}
"""


class StaffPage:
    """A page of the site under test, with everything it complained about so far."""

    def __init__(
        self,
        context: BrowserContext,
        address: str,
        folder: Path,
        log_in: Callable[[str | User], User],
    ) -> None:
        self.context = context
        self.address = address
        self.page: Page = context.new_page()
        self.person: User | None = None
        self._folder = folder
        self._log_in = log_in
        self._problems: list[str] = []
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self._problems.append(f"script: {error}"))
        self.page.on("request", self._on_request)

    def __call__(self, who: str | User) -> StaffPage:
        """Log in as a new person of this role, or as this person."""
        self.person = self._log_in(who)
        return self

    def open(self, path: str) -> Page:
        """Go there and check the page as it stands."""
        self.page.goto(path)
        self.check()
        return self.page

    def check(self) -> None:
        """No complaint, nothing serious for axe, nothing that scrolls sideways at 800 pixels.

        In the dark scheme the colours alone are others, and are looked at once more. A page
        reached by a click is waited for: its text stands there before its style sheets do.
        """
        self.page.wait_for_load_state("load")
        where = self.page.url.removeprefix(self.address)
        assert not self._problems, f"{where}: {self._problems}"
        found = self._violations()
        assert not found, f"{where}: accessibility: {found}"
        self.page.emulate_media(color_scheme="dark")
        found = self._violations("color-contrast")
        self.page.emulate_media(color_scheme="light")
        assert not found, f"{where}: accessibility, dark: {found}"
        self.page.set_viewport_size({"width": NARROW, "height": HEIGHT})
        width = self.page.evaluate("document.documentElement.scrollWidth")
        self.page.set_viewport_size({"width": WIDE, "height": HEIGHT})
        assert width <= NARROW, f"{where}: {width} px wide in a window of {NARROW}"

    def screenshot(self, name: str, *, width: int = WIDE) -> Path:
        """A picture of the page, in the test's own folder."""
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        file = self._folder / f"{name}-{width}.png"
        self.page.screenshot(path=file)
        self.page.set_viewport_size({"width": WIDE, "height": HEIGHT})
        return file

    def _violations(self, *rules: str) -> list[str]:
        # Without preload axe leaves the stylesheets alone, which it would inline against the CSP.
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        found: list[str] = self.page.evaluate(_AXE, list(rules))
        return found

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._problems.append(f"console: {message.text}")

    def _on_request(self, request: Request) -> None:
        origin = urlsplit(self.address)
        asked = urlsplit(request.url)
        if asked.scheme in {"blob", "data"} or asked.netloc == origin.netloc:
            return
        self._problems.append(f"request to {request.url}")
