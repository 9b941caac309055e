"""Everything with which secrets come in or go out, each secret noted for the search.

Every method plants ``many`` secrets of its kind, or more, and says by its assertions that the
product did take them: a secret that was turned away at the door proves nothing about the house.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import secrets
import ssl
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pyotp

from tests.api.secrets.search import Search
from tests.api.secrets.site import Processes
from tests.pictures import jpeg

API: Final = "/api/v1/"
_ODD: Final = 'ü"\\%<&'  # what encodings differ in
_CSRF: Final = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_LINK: Final = re.compile(r"https?://\S+/link/([A-Za-z0-9_-]{43})/")


@dataclass
class Person:
    """Somebody with a password, and what their program holds."""

    email: str
    password: str
    access: str = ""
    refresh: str = ""

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access}"}


class Visitors:
    """All who come, each from an address of their own."""

    def __init__(self, processes: Processes, search: Search, outbox: Path) -> None:
        self.processes, self.search, self.outbox = processes, search, outbox
        self._tls = ssl.create_default_context()  # one for all: it takes a while to make
        self.people: list[Person] = []
        self.admin = Person("", "")
        self._numbers = itertools.count(1)
        self._clients: list[httpx.Client] = []

    # --- Planting ---------------------------------------------------------------------------------

    def secret(self, kind: str) -> str:
        """A new one that could be a password: long, by chance, hard to encode."""
        made = f"{secrets.token_urlsafe(9)}{_ODD}{secrets.token_urlsafe(9)}"
        return self.search.plant(kind, made)

    def plain(self, kind: str) -> str:
        """A new one that fits into a header."""
        return self.search.plant(kind, secrets.token_urlsafe(24))

    # --- Asking -----------------------------------------------------------------------------------

    def client(self) -> httpx.Client:
        """Somebody new."""
        number = next(self._numbers)
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        made = httpx.Client(
            base_url=self.processes.url,
            headers={"X-Forwarded-For": address},
            timeout=60,
            verify=self._tls,
        )
        self._clients.append(made)
        return made

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        """The answer to somebody new."""
        return self.client().request(method, path, **given)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """The answer to a program's order."""
        return self.ask("POST", API + path, json=body, headers=headers)

    def upload(self, seed: int) -> str:
        """An image of the admin's; its key."""
        files = {"file": (f"{seed}.jpg", jpeg(seed=seed), "image/jpeg")}
        answer = self.ask("POST", f"{API}images/", files=files, headers=self.admin.bearer)
        assert answer.status_code == 201, answer.text
        key: str = answer.json()["id"]
        return key

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients:
            client.close()
        self._clients.clear()

    # --- Log-in and tokens ------------------------------------------------------------------------

    def settle(self, many: int) -> None:
        """So many people with passwords, and an admin."""
        names = ["ada", *(f"person{number}" for number in range(many))]
        roles = ["admin", *["analyst"] * many]
        self.people = [Person(f"{name}@example.org", self.secret("password")) for name in names]
        given = [
            [who.email, who.password, role] for who, role in zip(self.people, roles, strict=True)
        ]
        self.processes.command(module="tests.api.secrets.people", given=json.dumps(given))
        self.admin = self.people[0]

    def log_in(self) -> None:
        """Everybody, with a program."""
        for person in self.people:
            answer = self.post("auth/login/", {"email": person.email, "password": person.password})
            assert answer.status_code == 200, answer.text
            self._keep(person, answer.json())

    def refresh(self) -> None:
        """Everybody; and one token twice, which is a theft."""
        for person in self.people:
            used = person.refresh
            answer = self.post("auth/refresh/", {"refresh_token": used}, **person.bearer)
            assert answer.status_code == 200, answer.text
            self._keep(person, answer.json())
            assert self.post("auth/refresh/", {"refresh_token": used}).status_code == 409
        victim = self.people[-1]
        thief = self._token("wrong refresh token")
        assert self.post("auth/refresh/", {"refresh_token": thief}).status_code == 401
        used = victim.refresh
        for _ in range(2):
            answer = self.post("auth/refresh/", {"refresh_token": victim.refresh})
            self._keep(victim, answer.json())
        assert self.post("auth/refresh/", {"refresh_token": used}).status_code == 401
        self.people.pop()

    def fail(self, many: int) -> None:
        """Wrong passwords, at the API and at the page; strangers, too."""
        for number in range(many):
            email = self.people[number % len(self.people)].email if number % 3 else "no@example.org"
            body = {"email": email, "password": self.secret("wrong password")}
            assert self.post("auth/login/", body).status_code == 401
        wrong = self.secret("wrong password")
        assert self._log_in_by_page(self.people[0].email, wrong)[1].status_code == 200
        as_address = {"email": self.secret("password as address"), "password": "x"}
        assert self.post("auth/login/", as_address).status_code == 401
        assert self.post("auth/password-resets/", {"email": self.secret("as address")}).is_success
        page = self._log_in_by_page(self.secret("password as address"), "x")[1]
        assert page.status_code == 200

    def browse(self, many: int) -> None:
        """Sessions of browsers; sessions that there are not."""
        for _ in range(many):
            client, answer = self._log_in_by_page(self.admin.email, self.admin.password)
            assert answer.status_code == 302, answer.text
            self._keep_cookies(client)
            assert client.get("/account/").status_code == 200
            wrong = {"Cookie": f"sessionid={self.plain('wrong session key')}"}
            assert self.ask("GET", "/account/", headers=wrong).status_code == 302
            header = {"X-CSRFToken": self.plain("wrong CSRF token")}
            path = f"{API}people/"
            assert client.post(path, json={}, headers=header).status_code == 403

    def _log_in_by_page(self, email: str, password: str) -> tuple[httpx.Client, httpx.Response]:
        client = self.client()
        form = {"username": email, "password": password}
        return client, self._send_form(client, "/login/", form)

    def _send_form(self, client: httpx.Client, path: str, form: dict[str, str]) -> httpx.Response:
        token = _CSRF.search(client.get(path).text)
        assert token
        self.search.plant("CSRF token", token[1])
        return client.post(path, data={**form, "csrfmiddlewaretoken": token[1]})

    def _keep_cookies(self, client: httpx.Client) -> None:
        for cookie in client.cookies.jar:
            self.search.plant(f"cookie {cookie.name}", cookie.value or "")

    def _keep(self, person: Person, told: dict[str, Any]) -> None:
        person.access, person.refresh = told["access_token"], told["refresh_token"]
        # Head and claims of an access token are no secret, what proves them is.
        self.search.plant("access token", person.access.rpartition(".")[2])
        self.search.plant("refresh token", person.refresh)

    def _token(self, kind: str) -> str:
        return self.search.plant(kind, f"lrt_{secrets.token_urlsafe(32)}")

    # --- API keys ---------------------------------------------------------------------------------

    def make_keys(self, many: int) -> None:
        """Made through the API, used, sent again with their Idempotency-Key, sent where they do
        not belong; keys that there are not.
        """
        for number in range(many):
            person = self.people[number % len(self.people)]
            once = {"Idempotency-Key": secrets.token_hex(8), **person.bearer}
            body = {"name": "Robot", "scopes": ["read:people"]}
            answer = self.post("api-keys/", body, **once)
            assert answer.status_code == 201, answer.text
            key: str = answer.json()["key"]
            self.search.plant("API key", key.partition(".")[2])
            assert self.post("api-keys/", body, **once).json()["type"].endswith("shown-once")
            headers = {"Authorization": f"Api-Key {key}"}
            assert self.ask("GET", f"{API}people/", headers=headers).status_code == 200
            assert self.ask("GET", f"{API}images/", headers=headers).status_code == 403
            assert (
                self.ask("GET", f"{API}people/?api_key={key}", headers=headers).status_code == 400
            )
            wrong = {"Authorization": f"Api-Key {self._wrong_key()}"}
            assert self.ask("GET", f"{API}people/", headers=wrong).status_code == 401

    def _wrong_key(self) -> str:
        """With a checksum that fits, so that it is looked up."""
        letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        secret = self.search.plant("wrong API key", secrets.token_urlsafe(32))
        whole = f"lac_{base64.b32encode(secrets.token_bytes(10)).decode().lower()[:10]}.{secret}"
        rest, checksum = zlib.crc32(whole.encode()), ""
        for _ in range(6):
            rest, digit = divmod(rest, 62)
            checksum = letters[digit] + checksum
        return whole + checksum

    # --- Second factor ----------------------------------------------------------------------------

    def set_up_factors(self, many: int) -> None:
        """Secrets, which are kept encrypted; recovery codes, of which some are used."""
        for person in self.people[1 : many + 1]:
            begun = self.post(
                "auth/second-factor/enrol/", {"password": person.password}, **person.bearer
            )
            assert begun.status_code == 201, begun.text
            secret = self.search.plant("one-time secret", begun.json()["secret"])
            self.search.plant_bytes("one-time secret", base64.b32decode(secret))
            code = {"code": pyotp.TOTP(secret).now()}
            told = self.post("auth/second-factor/confirm/", code, **person.bearer)
            assert told.status_code == 200, told.text
            codes = [self.plant_code(code) for code in told.json()["recovery_codes"]]
            half = {"email": person.email, "password": person.password}
            wrong = self.plant_code("-".join(secrets.token_hex(2).upper() for _ in range(6)))
            for given, status in ((codes[0], 200), (codes[0], 401), (wrong, 401)):
                answer = self.post("auth/login/", half | {"code": given})
                assert answer.status_code == status, answer.text
            self._enter_by_page(person, codes[1])

    def plant_code(self, code: str) -> str:
        """A recovery code, with and without its dashes."""
        self.search.plant("recovery code", code.replace("-", ""))
        return self.search.plant("recovery code", code)

    def _enter_by_page(self, person: Person, code: str) -> None:
        """By the page, in two steps."""
        client, answer = self._log_in_by_page(person.email, person.password)
        assert answer.status_code == 302, answer.text
        wrong = {"code": self.plant_code(secrets.token_hex(12).upper())}
        assert self._send_form(client, "/login/code/", wrong).status_code == 200
        assert self._send_form(client, "/login/code/", {"code": code}).status_code == 302
        self._keep_cookies(client)

    # --- Links ------------------------------------------------------------------------------------

    def reset(self, many: int) -> None:
        """Links to a new password, right and wrong, by the API and the pages."""
        for person in self.people[-many:]:
            assert self.post("auth/password-resets/", {"email": person.email}).status_code == 202
            token = self._mailed("reset link")

            person.password = self.secret("new password")
            wrong = self._wrong_link()
            fresh = {"new_password": person.password}
            path = "auth/password-resets/confirm/"
            assert self.post(path, fresh | {"token": wrong}).status_code in {404, 410}
            assert self.post(path, fresh | {"token": token}).status_code == 204
            assert self.post(path, fresh | {"token": token}).status_code in {404, 410}
        person = self.people[-1]
        assert self.post("auth/password-resets/", {"email": person.email}).status_code == 202
        client = self.client()
        link = f"/password_reset/link/{self._mailed('reset link')}/"
        onwards = client.get(link).headers["Location"]
        person.password = self.secret("new password")
        form = dict.fromkeys(("new_password1", "new_password2"), person.password)
        assert self._send_form(client, onwards, form).status_code == 302
        self._keep_cookies(client)

    def invite(self, many: int) -> None:
        """Invitations, right and wrong."""
        for number in range(many):
            body = {"email": f"new{number}@example.org", "role": "viewer"}
            answer = self.post("invitations/", body, **self.admin.bearer)
            assert answer.status_code == 201, answer.text
            token = self._mailed("invitation")
            wrong = self.search.plant("wrong invitation", secrets.token_urlsafe(32))
            person = Person(body["email"], self.secret("first password"))
            given = {"full_name": "New", "password": person.password}
            path = "invitations/accept/"
            assert self.post(path, given | {"token": wrong}).status_code in {404, 410}
            assert self.post(path, given | {"token": token}).status_code == 201

    def _wrong_link(self) -> str:
        return self.search.plant("wrong reset link", secrets.token_urlsafe(32))

    def _mailed(self, kind: str) -> str:
        """The token in the one new letter, which is taken out of the box."""
        until = time.monotonic() + 20
        while True:
            for letter in sorted(self.outbox.iterdir()):
                text = letter.read_text(encoding="utf-8", errors="replace")
                letter.unlink()
                if found := _LINK.search(text.replace("=\n", "")):
                    return self.search.plant(kind, found[1])
            assert time.monotonic() < until, "no letter came"
            time.sleep(0.05)

    # --- When things break ------------------------------------------------------------------------

    def attempts(self) -> list[Callable[[], httpx.Response]]:
        """One request of each kind that carries a good secret."""
        one, another, locked = self.people[0], self.people[-1], self.people[1]

        def by_page() -> httpx.Response:
            client = self.client()
            form = client.get("/login/")
            token = _CSRF.search(form.text)
            data = {"username": one.email, "password": one.password}
            return client.post("/login/", data=data | {"csrfmiddlewaretoken": token and token[1]})

        def key() -> httpx.Response:
            body = {"name": "x", "scopes": ["read:people"]}
            once = {"Idempotency-Key": secrets.token_hex(8)}
            answer = self.post("api-keys/", body, **one.bearer, **once)
            if answer.status_code == 201:
                self.search.plant("API key", answer.json()["key"].partition(".")[2])
            return answer

        def tokens() -> httpx.Response:
            given = {"email": another.email, "password": another.password}
            answer = self.post("auth/login/", given)
            if answer.status_code == 200:
                self._keep(another, answer.json())
            return answer

        def fresh() -> httpx.Response:
            answer = self.post("auth/refresh/", {"refresh_token": another.refresh})
            if answer.status_code == 200:
                self._keep(another, answer.json())
            return answer

        return [
            tokens,
            fresh,
            by_page,
            key,
            lambda: self.post(
                "auth/login/", {"email": locked.email, "password": self.secret("wrong password")}
            ),
            lambda: self.post(
                "auth/second-factor/enrol/", {"password": one.password}, **one.bearer
            ),
            lambda: self.post("auth/password-resets/", {"email": one.email}),
            lambda: self.post(
                "auth/password-resets/confirm/",
                {
                    "token": self._wrong_link(),
                    "new_password": self.secret("new password"),
                },
            ),
            lambda: self.ask("GET", f"/password_reset/link/{self._wrong_link()}/"),
            lambda: self.post(
                "invitations/", {"email": f"{secrets.token_hex(4)}@example.org"}, **one.bearer
            ),
            lambda: self.ask(
                "GET", f"{API}people/", headers={"Authorization": f"Api-Key {self._wrong_key()}"}
            ),
            lambda: self.ask(
                "GET", "/account/", headers={"Cookie": f"sessionid={self.plain('session key')}"}
            ),
        ]
