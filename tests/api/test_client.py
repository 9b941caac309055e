"""A client that a public generator makes from the committed document, used on a live server."""

from __future__ import annotations

import importlib
import io
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from django.conf import settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests.api.world import PASSWORD
from tests.factories import make_user
from tests.pictures import jpeg

DOCUMENT: Final = Path(settings.BASE_DIR) / "docs" / "openapi.yaml"
METHODS: Final = ("get", "post", "put", "patch", "delete")
# The generator knows JSON, text and octets; pictures are octets to a program. Nothing else is
# told to it. It needs no formatter, so it is given none.
CONFIGURATION: Final = """\
content_type_overrides:
  image/webp: application/octet-stream
  image/svg+xml: application/octet-stream
post_hooks: []
"""


def operations() -> dict[str, dict[str, Any]]:
    """The document's operations by their ids."""
    document = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
    return {
        operation["operationId"]: operation
        for path in document["paths"].values()
        for method, operation in path.items()
        if method in METHODS
    }


class Generated:
    """The generated package: one module for each operation, and the models."""

    def __init__(self, name: str, said: str) -> None:
        self.name, self.said = name, said
        self.root = self._module("")
        self.models = self._module("models")
        self.types = self._module("types")
        assert self.root.__file__
        api = Path(self.root.__file__).parent / "api"
        found = sorted(path.relative_to(api).with_suffix("") for path in api.glob("*/*.py"))
        self.calls: dict[str, ModuleType] = {
            path.name: self._module(".".join(("api", *path.parts)))
            for path in found
            if path.name != "__init__"
        }

    def _module(self, path: str) -> ModuleType:
        return importlib.import_module(f"{self.name}.{path}".rstrip("."))

    def call(self, name: str, client: Any, /, *arguments: Any, **named: Any) -> Any:
        """The answer to an operation: status, headers, and ``parsed``."""
        return self.calls[name].sync_detailed(*arguments, client=client, **named)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generated]:
    """Made anew from the document, in a folder that goes away; a warning would fail it."""
    folder = tmp_path_factory.mktemp("client")
    name = f"lacuna_client_{uuid.uuid4().hex}"
    configuration = folder / "configuration.yaml"
    configuration.write_text(CONFIGURATION, encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none",
            "--path", str(DOCUMENT), "--config", str(configuration),
            "--output-path", str(folder / name), "--fail-on-warning",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "COLUMNS": "200"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield Generated(name, done.stdout + done.stderr)
    sys.path.remove(str(folder))
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]
    shutil.rmtree(folder)


def test_every_operation_is_there_and_nothing_was_left_out(generated: Generated) -> None:
    wanted = {re.sub(r"[^a-z0-9]+", "_", name.lower()) for name in operations()}

    assert set(generated.calls) == wanted
    assert len(wanted) > 70
    for word in ("warning", "error", "omitted", "ignored", "unsupported"):
        assert word not in generated.said.lower(), generated.said


def test_every_answer_with_a_body_is_typed(generated: Generated) -> None:
    """The generator leaves ``sync`` out of an operation of which it understands no answer."""
    untyped = {name for name, module in generated.calls.items() if not hasattr(module, "sync")}

    assert untyped == set()
    problem = generated.models.Problem
    for name, module in generated.calls.items():
        told = str(module.sync.__annotations__["return"])
        assert problem.__name__ in told, f"{name} answers {told}"


@pytest.mark.heavy
def test_a_configuration_that_says_less_is_warned_of(tmp_path: Path) -> None:
    """The word for nothing left out: the generator does complain when something is."""
    done = subprocess.run(
        [
            sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none",
            "--path", str(DOCUMENT), "--output-path", str(tmp_path / "less"), "--fail-on-warning",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )  # fmt: skip

    assert done.returncode != 0
    assert "image/webp" in done.stdout + done.stderr


@pytest.fixture
def person(transactional_db: None) -> User:
    """An admin with a password, who may upload images and describe them."""
    made = make_user("admin")
    made.set_password(PASSWORD)
    made.save()
    return made


class Program:
    """What somebody writes who has the generated client and the address."""

    def __init__(self, generated: Generated, address: str) -> None:
        self.generated, self.models = generated, generated.models
        self.address = address
        self.stranger = generated.root.Client(base_url=address, raise_on_unexpected_status=True)
        self._opened = [self.stranger]

    def close(self) -> None:
        """Close every connection."""
        for client in self._opened:
            client.get_httpx_client().close()

    def log_in(self, email: str) -> Any:
        body = self.models.LogInBodyRequest(email=email, password=PASSWORD, device_name="Program")
        return self.generated.call("log_in", self.stranger, body=body)

    def known(self, access: str) -> Any:
        client = self.generated.root.AuthenticatedClient(
            base_url=self.address, token=access, raise_on_unexpected_status=True
        )
        self._opened.append(client)
        return client

    def upload(self, client: Any, seed: int) -> Any:
        file = self.generated.types.File(
            payload=io.BytesIO(jpeg(seed=seed)),
            file_name=f"disc {seed}.jpg",
            mime_type="image/jpeg",
        )
        body = self.models.UploadRequest(file=file, priority=7)
        return self.generated.call("images_create", client, body=body)


@pytest.fixture
def program(generated: Generated, live_server: LiveServer) -> Iterator[Program]:
    made = Program(generated, live_server.url)
    yield made
    made.close()


def cursor_of(address: str) -> str:
    """The cursor in the address of the next page."""
    (cursor,) = parse_qs(urlsplit(address).query)["cursor"]
    return cursor


def test_a_program_logs_in_uploads_lists_changes_and_refreshes(
    program: Program, person: User
) -> None:
    generated, models = program.generated, program.models
    tokens = program.log_in(person.email).parsed
    assert isinstance(tokens, models.TokensAnswer)
    client = program.known(tokens.access_token)
    assert generated.call("me", client).parsed.email == person.email

    uploaded = [program.upload(client, seed) for seed in range(3)]
    assert [answer.status_code for answer in uploaded] == [201] * 3
    ids = [answer.parsed.id for answer in uploaded]
    assert uploaded[0].parsed.file_name == "disc 0.jpg"
    assert program.upload(client, 0).parsed.id == ids[0], "the same file is the same image"

    first = generated.call("images_list", client, limit=2).parsed
    assert [image.id for image in first.results] == [ids[2], ids[1]]
    second = generated.call("images_list", client, limit=2, cursor=cursor_of(first.next_)).parsed
    assert [image.id for image in second.results] == [ids[0]]
    assert second.next_ is None

    read = generated.call("images_retrieve", client, ids[0])
    facts = models.PatchedImageChangesRequestMetadata.from_dict({"room": "south hall"})
    changes = models.PatchedImageChangesRequest(metadata=facts)
    patch = {"id": ids[0], "body": changes}
    changed = generated.call(
        "images_partial_update", client, if_match=read.headers["ETag"], **patch
    )
    assert changed.parsed.metadata["room"] == "south hall"
    stale = generated.call("images_partial_update", client, if_match=read.headers["ETag"], **patch)
    assert (stale.status_code, stale.parsed.type_) == (412, "/api/problems/precondition-failed")

    original = generated.call("images_original_retrieve", client, ids[1])
    assert original.parsed.payload.read() == jpeg(seed=1)
    unchanged = generated.call(
        "images_retrieve", client, ids[0], if_none_match=changed.headers["ETag"]
    )
    assert unchanged.status_code == 304

    body = models.RefreshBodyRequest(refresh_token=tokens.refresh_token)
    fresh = generated.call("refresh", program.stranger, body=body).parsed
    assert isinstance(fresh, models.TokensAnswer)
    assert fresh.session == tokens.session
    client = program.known(fresh.access_token)
    assert generated.call("log_out", client).status_code == 204
    assert generated.call("me", client).status_code == 401


def test_an_error_is_a_problem_with_its_fields(program: Program, person: User) -> None:
    generated, models = program.generated, program.models

    nobody = generated.call("images_list", program.stranger)
    assert isinstance(nobody.parsed, models.Problem)
    assert (nobody.parsed.status, nobody.parsed.type_) == (401, "/api/problems/not-authenticated")

    wrong = models.LogInBodyRequest(email=person.email, password="not the password")
    refused = generated.call("log_in", program.stranger, body=wrong).parsed
    assert (refused.status, refused.type_) == (401, "/api/problems/login-refused")

    client = program.known(program.log_in(person.email).parsed.access_token)
    many = generated.call("images_list", client, limit=201, name="x" * 1000)
    assert many.parsed.type_ == "/api/problems/invalid-input"
    assert {error.field for error in many.parsed.errors} >= {"limit"}
    assert many.parsed.request_id == many.headers["X-Request-ID"]
    missing = generated.call("images_retrieve", client, uuid.uuid4())
    assert (missing.parsed.status, missing.parsed.type_) == (404, "/api/problems/not-found")
