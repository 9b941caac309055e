"""What every page must pass finds what it is there for."""

from __future__ import annotations

import pytest

from tests.browser.harness import StaffPage

pytestmark = pytest.mark.browser

PAGE = "<html lang=en><title>A page</title><main><h1>Words</h1>%s</main>"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("<p style='color: #aaa; background: #bbb'>pale</p>", r"color-contrast .* at p"),
        ("<style>:root{color-scheme:light dark}p{color:light-dark(#000,#333);"
         "background:light-dark(#fff,#444)}</style><p>pale at night</p>", "dark: .*color-contrast"),
        ("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>", "image-alt"),
        ("<div style='width: 900px'>wide</div>", "px wide in a window of 800"),
        ("<img alt='' src='https://elsewhere.example/'>", "request to https://elsewhere.example/"),
        ("<script>throw new Error('broken')</script>", "script: broken"),
    ],
    ids=["pale", "pale at night", "a picture without words", "wide", "elsewhere", "broken"],
)  # fmt: skip
def test_it_complains_of(content: str, complaint: str, staff_page: StaffPage) -> None:
    page = staff_page.page
    page.route("https://elsewhere.example/", lambda route: route.abort())
    page.set_content(PAGE % content)

    with pytest.raises(AssertionError, match=complaint):
        staff_page.check()


def test_a_sound_page_passes(staff_page: StaffPage) -> None:
    staff_page.page.set_content(PAGE % "<p>sound</p>")

    staff_page.check()
