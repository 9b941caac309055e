"""Secrets where they do not belong: in addresses, wrong headers, broken and foreign bodies."""

from __future__ import annotations

import base64
import json
import secrets
import socket
from urllib.parse import urlsplit

from tests.api.secrets.visitors import API, Visitors
from tests.pictures import jpeg


class Misplaced:
    """What careless people and their programs send; all of it is refused."""

    def __init__(self, visitors: Visitors) -> None:
        self._visitors, self._search = visitors, visitors.search

    def everywhere(self, many: int) -> None:
        """In headers of every scheme, query strings, addresses, broken and foreign bodies."""
        for _ in range(many):
            self._headers()
            self._addresses()
            self._bodies()

    def _headers(self) -> None:
        pair = base64.b64encode(f"ada:{self._visitors.secret('Basic')}".encode()).decode()
        known = (
            f"Basic {self._search.plant('Basic', pair)}",
            f'Digest username="ada", response="{self._visitors.plain("Digest")}"',
            *(
                f"{scheme} {self._visitors.plain(scheme)}"
                for scheme in ("Token", "Negotiate", "ApiKey")
            ),
            f"Bearer {self._visitors.plain('Bearer')}",
            f"Bearer eyJhbGciOiJub25lIn0.e30.{self._visitors.plain('Bearer')}",
            f"Api-Key {self._visitors.plain('Api-Key')}",
            f"Api-Key  {self._visitors.plain('Api-Key')} {self._visitors.plain('Api-Key')}",
            self._visitors.plain("Authorization"),
        )
        for header in known:
            for path in (f"{API}images/", "/metrics", "/account/"):
                answer = self._visitors.ask("GET", path, headers={"Authorization": header})
                assert answer.status_code in {302, 401, 403}, answer.text
        for name in ("Proxy-Authorization", "X-Api-Key", "X-Auth-Token", "Cookie", "Referer"):
            headers = {name: f"token={self._visitors.plain(name)}"}
            assert self._visitors.ask("GET", f"{API}images/", headers=headers).status_code == 401

    def _addresses(self) -> None:
        for name in ("token", "access_token", "password", "api_key", "code", "cursor"):
            query = {name: self._visitors.secret("query string")}
            answer = self._visitors.ask(
                "GET", f"{API}images/", params=query, headers=self._visitors.admin.bearer
            )
            assert answer.status_code == 400, answer.text
            self._visitors.ask("POST", f"{API}auth/login/", params=query, json={})
            self._visitors.ask(
                "GET",
                "/login/",
                params=query | {"next": f"/?{name}={self._visitors.plain('next')}"},
            )
        for path in ("", "api/", "api/v1/images/", "invitation/link/", "password_reset/link/"):
            answer = self._visitors.ask("GET", f"/{path}{self._visitors.plain('address')}/")
            assert answer.status_code in {302, 401, 404}, (path, answer.status_code)

    def _bodies(self) -> None:
        bodies: list[tuple[bytes | str, str]] = [
            (f'{{"password": "{self._visitors.plain("broken JSON")}"', "application/json"),
            (json.dumps([self._visitors.secret("list")]), "application/json"),
            (json.dumps({"email": {"x": self._visitors.secret("nested")}}), "application/json"),
            (
                json.dumps({"email": "a@b.org", "password": [self._visitors.secret("list")]}),
                "application/json",
            ),
            (
                json.dumps({"email": "a@b.org", "password": f"\0{self._visitors.secret('NUL')}"}),
                "application/json",
            ),
            (
                f'{{"password": "a", "password": "{self._visitors.plain("twice")}"}}',
                "application/json",
            ),
            (f"password={self._visitors.plain('form')}", "application/x-www-form-urlencoded"),
            (f"<password>{self._visitors.plain('XML')}</password>", "application/xml"),
            (f"password: {self._visitors.plain('YAML')}", "text/plain"),
            (f"--x\r\n{self._visitors.plain('multipart')}", "multipart/form-data; boundary=x"),
            (self._visitors.plain("UTF-16").encode("utf-16"), "application/json"),
        ]
        for body, kind in bodies:
            headers = {"Content-Type": kind}
            for path in ("auth/login/", "auth/refresh/", "auth/password-resets/confirm/"):
                answer = self._visitors.ask("POST", API + path, content=body, headers=headers)
                assert answer.status_code in {400, 415}, answer.text
        stray = {
            "password": self._visitors.secret("stray field"),
            "name": "x",
            "scopes": ["read:people"],
        }
        once = {"Idempotency-Key": secrets.token_hex(8), **self._visitors.admin.bearer}
        for path in ("api-keys/", "people/", "analysis-jobs/"):
            assert self._visitors.post(path, stray, **once).status_code == 400
        proof = {"password": self._visitors.secret("wrong password")}
        for path in ("auth/second-factor/enrol/", "auth/second-factor/enrol/"):
            assert self._visitors.post(path, proof, **once).status_code in {401, 403}
        self._strangers_upload()

    def _strangers_upload(self) -> None:
        files = {"file": ("x.jpg", jpeg(), "image/jpeg")}
        data = {"password": self._visitors.secret("upload field")}
        answer = self._visitors.ask(
            "POST", f"{API}images/", files=files, data=data, headers=self._visitors.admin.bearer
        )
        assert answer.status_code == 400, answer.text

    def break_protocol(self) -> None:
        """What no client of HTTP would send: the web server answers by itself."""
        address = urlsplit(self._visitors.processes.url)
        assert address.hostname
        assert address.port
        line, host = "GET /api/v1/images/ HTTP/1.1", "Host: localhost"
        for head in (
            f"{line}\r\n{host}\r\nAuthorization Bearer {self._visitors.plain('broken header')}",
            f"{line}\r\n{host}\r\nAuth orization: Bearer {self._visitors.plain('broken header')}",
            f"{line}\r\n{host}\r\nX: {self._visitors.plain('huge header')}{'x' * 10_000}",
            f"{line}\r\n{host}\r\nContent-Length: {self._visitors.plain('broken length')}",
            f"{line}\r\n{host}\r\nTransfer-Encoding: {self._visitors.plain('broken coding')}",
            f"GET /api/v1/images/?token={self._visitors.plain('query string')} HTTP/9\r\n{host}",
            f"GET/?token={self._visitors.plain('query string')}\r\n{host}",
        ):
            with socket.create_connection((address.hostname, address.port), timeout=10) as raw:
                raw.sendall(f"{head}\r\n\r\n".encode())
                assert raw.recv(100).split()[1][:1] in {b"4", b"5"}, head
        other = {
            "Host": "elsewhere.example.org",
            "Authorization": f"Bearer {self._visitors.plain('Bearer')}",
        }
        assert self._visitors.ask("GET", f"{API}images/", headers=other).status_code == 400
