"""Where the detector's package comes from."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from imaging import detector_source
from imaging.detector_source import SourceUnavailable, archive

BODY = b"an archive" * 1000


class Handler(BaseHTTPRequestHandler):
    """Serves one file; sends elsewhere from another path; breaks off on a third."""

    def do_GET(self) -> None:
        if self.path == "/moved.tgz":
            self.send_response(302)
            self.send_header("Location", "/package.tgz")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY if self.path == "/package.tgz" else BODY[:100])

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def mirror() -> Iterator[str]:
    """The address of a server on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "fetched"
    folder.mkdir()
    return folder


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a program called npm can be put; there is no other."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin" / "npm"


def script(npm: Path, *lines: str) -> None:
    npm.write_text("\n".join(("#!/bin/sh", *lines, "")))
    npm.chmod(0o755)


# --- A file ---------------------------------------------------------------------------------------


def test_a_file_is_taken_where_it_lies(tmp_path: Path, folder: Path) -> None:
    file = tmp_path / "package.tgz"
    file.write_bytes(BODY)

    assert archive(str(file), folder) == file
    assert list(folder.iterdir()) == []


def test_what_is_no_file_is_refused_and_the_ways_are_named(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"gone\.tgz is no file\. .*npm pack @vlad") as no:
        archive(str(tmp_path / "gone.tgz"), folder)
    assert "--from" in str(no.value)
    assert "DETECTOR_SOURCE" in str(no.value)


# --- An address -----------------------------------------------------------------------------------


def test_an_address_is_fetched_whole(mirror: str, folder: Path) -> None:
    assert archive(f"{mirror}/package.tgz", folder).read_bytes() == BODY


def test_a_redirect_is_not_followed(mirror: str, folder: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"moved\.tgz answers with 302, not with a file"):
        archive(f"{mirror}/moved.tgz", folder)


def test_an_answer_that_breaks_off_is_refused(mirror: str, folder: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"half\.tgz cannot be fetched"):
        archive(f"{mirror}/half.tgz", folder)


def test_an_answer_that_is_too_large_is_given_up(
    mirror: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detector_source, "LARGEST_ARCHIVE", 5000)

    with pytest.raises(SourceUnavailable, match="holds more than 5,000 bytes"):
        archive(f"{mirror}/package.tgz", folder)


def test_an_answer_that_takes_too_long_is_given_up(
    mirror: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detector_source, "SECONDS", 0.0)

    with pytest.raises(SourceUnavailable, match="was not fetched within 0 seconds"):
        archive(f"{mirror}/package.tgz", folder)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("http://192.168.7.7/package.tgz", "begins with http"),
        ("https://169.254.169.254/package.tgz", "which is not public"),
        ("https://name:word@127.0.0.1/package.tgz", "holds a name or password"),
        ("https://", "is not of the form"),
        ("https://127.0.0.1:1/package.tgz", "cannot be fetched"),
    ],
)
def test_an_address_that_leads_nowhere_good_is_refused(
    address: str, sentence: str, folder: Path
) -> None:
    with pytest.raises(SourceUnavailable, match=sentence):
        archive(address, folder)


# --- npm ------------------------------------------------------------------------------------------


def test_npm_packs_into_the_folder(npm: Path, folder: Path) -> None:
    script(npm, 'echo "$@" > asked', "echo packed > vladmandic-human-3.3.6.tgz")

    assert archive("", folder) == folder / "vladmandic-human-3.3.6.tgz"
    assert (folder / "asked").read_text().split() == [
        *("pack", "@vladmandic/human@3.3.6", "--ignore-scripts", "--silent"),
        *("--pack-destination", str(folder)),
    ]


def test_without_npm_the_other_ways_are_named(npm: Path, folder: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"There is no npm on this machine\. Elsewhere, "):
        archive("", folder)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (('echo "npm error network" >&2', "exit 3"), "it says: npm error network"),
        (("exit 3",), "it ended with 3"),
        (("exit 0",), "it ended with 0"),
    ],
)
def test_an_npm_that_fails_is_quoted(
    npm: Path, folder: Path, lines: tuple[str, ...], sentence: str
) -> None:
    script(npm, *lines)

    with pytest.raises(SourceUnavailable, match=f"npm could not fetch @vladmandic.*; {sentence}"):
        archive("", folder)


def test_an_npm_that_does_not_end_is_given_up(
    npm: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(npm, "exec /bin/sleep 60")
    monkeypatch.setattr(detector_source, "SECONDS", 0.2)

    with pytest.raises(SourceUnavailable, match=r"npm has not finished within 0\.2 seconds"):
        archive("", folder)


def test_an_npm_that_cannot_be_run_is_named(npm: Path, folder: Path) -> None:
    npm.write_text("#!/no/such/shell\n")
    npm.chmod(0o755)

    with pytest.raises(SourceUnavailable, match="bin/npm cannot be run: No such file"):
        archive("", folder)
