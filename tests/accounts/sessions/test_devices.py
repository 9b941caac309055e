"""What a device is called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import devices

_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36", "Chrome on Windows"),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36 Edg/142.0.0.0",
            "Edge on Windows",
        ),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {_CHROME} Safari/537.36", "Chrome on ChromeOS"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {_CHROME} Mobile Safari/537.36", "Chrome on Android"),
        (
            "Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko)"
            " SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
            "Samsung Internet on Android",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like"
            " Gecko) Version/18.6 Safari/605.1.15",
            "Safari on macOS",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML,"
            " like Gecko) CriOS/142.0.0.0 Mobile/15E148 Safari/604.1",
            "Chrome on iPhone",
        ),
        (
            f"Mozilla/5.0 (X11; Linux x86_64) {_CHROME} Safari/537.36 OPR/120.0.0.0",
            "Opera on Linux",
        ),
        ("Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko", "a browser on Windows"),
        ("curl/8.14.1", "curl"),
        ("python-requests/2.32.4", "python-requests"),
        ("lab-script/1.0 (Linux)", "lab-script on Linux"),
        ("Mozilla/5.0", ""),
        ("", ""),
        ("\x00<script>", ""),
    ],
)
def test_a_device_is_called_after_its_user_agent(user_agent: str, name: str) -> None:
    assert devices.name_of(user_agent) == name


@given(st.text(max_size=2000))
def test_no_user_agent_is_too_odd_for_a_name_that_fits(user_agent: str) -> None:
    assert len(devices.name_of(user_agent)) <= 200
    assert "\x00" not in devices.cleaned_user_agent(user_agent)
    assert len(devices.cleaned_user_agent(user_agent)) <= 512


@given(st.text(max_size=500))
def test_a_given_name_becomes_one_printable_line(given_name: str) -> None:
    name = devices.cleaned_name(given_name)

    assert len(name) <= 200
    assert all(sign.isprintable() for sign in name)
