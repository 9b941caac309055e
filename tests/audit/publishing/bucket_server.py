"""The few words of S3 that publishing speaks, on this machine; it takes any signature."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_ERROR = "<Error><Code>{code}</Code><Message>{code} it is</Message></Error>"


class BucketServer:
    """``objects`` by ``bucket/key``; ``failing`` makes every answer this status and code."""

    def __init__(self, page: int = 2) -> None:
        self.objects: dict[str, bytes] = {}
        self.lists: list[dict[str, list[str]]] = []
        self.failing: tuple[int, str] | None = None
        self.page = page
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"bucket": self})
        )
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def listed(self, bucket: str, query: dict[str, list[str]]) -> bytes:
        """One page of keys in order."""
        prefix = query.get("prefix", [""])[0]
        after = query.get("continuation-token", query.get("start-after", [""]))[0]
        keys = sorted(
            key.removeprefix(f"{bucket}/")
            for key in self.objects
            if key.startswith(f"{bucket}/{prefix}") and key.removeprefix(f"{bucket}/") > after
        )
        page, more = keys[: self.page], len(keys) > self.page
        contents = "".join(f"<Contents><Key>{escape(key)}</Key></Contents>" for key in page)
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        return (
            '<?xml version="1.0"?><ListBucketResult'
            ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{bucket}</Name><KeyCount>{len(page)}</KeyCount>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{contents}</ListBucketResult>"
        ).encode()


class _Handler(BaseHTTPRequestHandler):
    bucket: BucketServer
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self._body()
        key = unquote(urlsplit(self.path).path).lstrip("/")
        if self.bucket.failing:
            self._say(*self.bucket.failing)
        elif self.headers["If-None-Match"] == "*" and key in self.bucket.objects:
            self._say(412, "PreconditionFailed")
        else:
            self.bucket.objects[key] = body
            self._say(200)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path, query = unquote(parts.path).lstrip("/"), parse_qs(parts.query)
        if self.bucket.failing:
            self._say(*self.bucket.failing)
        elif "list-type" in query:
            self.bucket.lists.append(query)
            self._say(200, body=self.bucket.listed(path.rstrip("/"), query))
        elif path in self.bucket.objects:
            self._say(200, body=self.bucket.objects[path])
        else:
            self._say(404, "NoSuchKey")

    def _body(self) -> bytes:
        if "aws-chunked" not in self.headers.get("Content-Encoding", ""):
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def _say(self, status: int, code: str = "", body: bytes = b"") -> None:
        body = body or _ERROR.format(code=code).encode() if code else body
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: Any = None, size: Any = None) -> None:
        """Nobody reads it."""
