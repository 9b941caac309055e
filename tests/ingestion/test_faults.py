"""Files that somebody sends to do harm, or that are simply broken: refused, and nothing is left."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from database.models import SystemSetting
from ingestion import stored
from ingestion.actions import dialects, files
from ingestion.errors import SourceLost, UploadRefused
from ingestion.models import FileCheck, FileUpload
from ingestion.reading import TableRefused
from tests.accounts.sessions.devices import program
from tests.factories import make_file, make_user
from tests.ingestion.conftest import GOOD, Upload, told
from tests.ingestion.test_uploads import files_in

pytestmark = pytest.mark.django_db
NAMES: dict[str, Any] = {"end_meta": "name", "start_dim": "f_0", "end_dim": "f_1"}
GIGABYTE = 1 << 30


# --- Bytes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "place", "sentence"),
    [
        ("name,f_0,f_1\n", "x.csv: ", "no row of data"),
        ("name,f_0,f_0\na,1,2\n", "x.csv, line 1, column 3: ", "called 'f_0', as is column 2"),
        ('name,f_0,f_1\na,"1,2\n', "x.csv, row 1 (line 2), column f_0: ", "never closed"),
        ('name,f_0,f_1\na,1,2"\n', "x.csv, row 1 (line 2), column f_1: ", "a quote stands"),
        ("name,f_0,f_1\na,1\n", "x.csv, row 1 (line 2): ", "it has 2 cells, the header 3"),
        (",".join(f"c{n}" for n in range(100_000)) + "\n1\n", "x.csv, line 1: ", "50,000 columns"),
    ],
    ids=["header only", "two names", "open quote", "stray quote", "narrow", "100,000 columns"],
)
def test_what_is_wrong_inside_is_named_by_its_place_and_counts_no_rows(
    upload: Upload, storage: Path, content: str, place: str, sentence: str
) -> None:
    file = upload(content, "x.csv").file

    file.refresh_from_db()
    assert file.status == "failed"
    assert file.error_message is not None
    assert file.error_message.startswith(place)
    assert sentence in file.error_message
    assert (file.row_count, file.column_count, file.header) == (None, None, None)
    assert not FileCheck.objects.exists()
    # The bytes stay with their row, so that somebody can look; no others are there.
    assert [path.stem for path in files_in(storage)] == [file.sha256]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PK\x03\x04" + b"[Content_Types].xml" + b"xl/workbook.xml", "an Excel workbook"),
        (b"PK\x03\x04" + bytes(200), "a ZIP archive"),
        (b"name,f_0\na,1\n" * 10 + b"\0", "NUL bytes"),
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf\r\n \r\n", "nothing in it"),
    ],
)
def test_what_is_no_text_leaves_neither_row_nor_bytes_nor_entry(
    upload: Upload, storage: Path, content: bytes, sentence: str
) -> None:
    with pytest.raises(UploadRefused, match=sentence):
        upload(content, "numbers.csv")

    assert not FileUpload.objects.exists()
    assert files_in(storage) == []
    assert told() == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_other_encodings_are_read_to_the_same_numbers(
    upload: Upload, analyst: User, encoding: str
) -> None:
    text = GOOD.replace("a,1.5", "größe,1.5")
    file = upload(text.encode(encoding)).file

    if file.waits_for_confirmation:  # without a mark it is a guess, which somebody confirms
        dialects.confirm(file.pk, by=analyst, **_said(file))
        file.refresh_from_db()

    (block,) = stored.read([file], **NAMES)
    assert block.values.tolist() == [[1.5, 2], [-300, 4]]
    assert block.metadata[0] == ("größe",)


def _said(file: FileUpload) -> dict[str, str]:
    return {name: file.dialect.as_json()[name] for name in ("encoding", "delimiter", "decimal")}


def test_a_cell_of_ten_megabytes_is_text_and_no_number(upload: Upload) -> None:
    long = "x" * (10 << 20)
    assert upload(f"name,f_0,f_1\na,1,2\n{long},3,4\n").file.status == "pending"  # for a worker

    wrong = upload(f"name,f_0,f_1\na,1,{'9' * (6 << 20)}\n").file

    assert wrong.status == "ready"  # digits they are, but no finite number
    assert wrong.column_kinds == ["text", "number", "text"]
    with pytest.raises(TableRefused) as refused:
        list(stored.read([wrong], **NAMES))
    assert str(refused.value).startswith("press.csv, row 1 (line 2), column f_1: ")
    assert len(str(refused.value)) < 1000


# --- A gigabyte -----------------------------------------------------------------------------------


class Sparse(io.RawIOBase):
    """The body of a form with a file of zeros in it, that nobody holds in memory."""

    def __init__(self, head: bytes, size: int) -> None:
        super().__init__()
        self._parts = self._pieces(head, size)
        self._left = b""
        self.read_bytes = 0

    @staticmethod
    def _pieces(head: bytes, size: int) -> Iterator[bytes]:
        yield head
        for _ in range(size >> 20):
            yield b"0" * (1 << 20)

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        self._left = self._left or next(self._parts, b"")
        data, self._left = self._left[:size], self._left[size:]
        self.read_bytes += len(data)
        return data


def form(field: str, token: str = "") -> bytes:
    """A form up to the first byte of its file."""
    part = 'Content-Disposition: form-data; name="{}"'
    fields = [f"{part.format('csrfmiddlewaretoken')}\r\n\r\n{token}"] if token else []
    fields.append(
        f'{part.format(field)}; filename="big.csv"\r\nContent-Type: text/csv\r\n\r\na,b\n'
    )
    return "".join(f"--edge\r\n{one}\r\n" for one in fields).removesuffix("\r\n").encode()


def sent(client: Client, address: str, body: Sparse, **headers: str) -> Any:
    return client.generic(
        "POST",
        address,
        headers=headers,
        **{
            "wsgi.input": body,
            "CONTENT_LENGTH": str(GIGABYTE),
            "CONTENT_TYPE": "multipart/form-data; boundary=edge",
        },  # type: ignore[arg-type] # what a server puts there
    )


def test_a_gigabyte_for_the_api_is_refused_by_the_length_that_it_says(
    analyst: User, storage: Path
) -> None:
    SystemSetting.objects.create(setting_key="max_file_size", setting_value=3 << 20)
    body = Sparse(form("file"), GIGABYTE)
    key = {"Authorization": f"Bearer {program(analyst).access}"}

    answer = sent(Client(), "/api/v1/files/", body, **key)

    assert answer.status_code == 413, answer.content
    told_ = answer.json()
    assert told_["type"].endswith("/table-too-large")
    assert "larger than 3" in told_["detail"]
    assert body.read_bytes == 0
    assert not FileUpload.objects.exists()
    assert files_in(storage) == []


def test_a_gigabyte_for_the_page_is_given_up_as_soon_as_the_limit_is_passed(
    analyst: User, storage: Path
) -> None:
    SystemSetting.objects.create(setting_key="max_file_size", setting_value=3 << 20)
    client = Client()
    client.force_login(analyst)
    body = Sparse(form("files"), GIGABYTE)

    answer = sent(client, "/ingestion/fileupload/add/", body)

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "big.csv" in page
    assert "The file is larger than 3" in page
    assert "was not read" in page
    assert body.read_bytes < 5 << 20
    assert not FileUpload.objects.exists()
    assert files_in(storage) == []


def test_a_file_a_little_too_large_does_not_take_the_others_along(analyst: User) -> None:
    SystemSetting.objects.create(setting_key="max_file_size", setting_value=100_000)
    client = Client()
    client.force_login(analyst)
    big, small = io.BytesIO(b"a,b\n" + b"1,2\n" * 40_000), io.BytesIO(GOOD.encode())
    big.name, small.name = "big.csv", "small.csv"

    page = client.post("/ingestion/fileupload/add/", {"files": [big, small]}).content.decode()

    assert "The file is larger than" in page
    assert "was not read" not in page
    assert FileUpload.objects.get().original_filename == "small.csv"


# --- Rows of plain SQL ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["monitoring/archive/a.parquet", "images/a.png", "../secret", "files/../x.csv", "", "files"],
)
def test_a_row_reaches_no_bytes_but_those_of_files_of_numbers(
    analyst: User, storage: Path, path: str
) -> None:
    """Somebody who can write a row of their own may name any place in it."""
    for there in ("monitoring/archive/a.parquet", "images/a.png", "x.csv"):
        (storage / there).parent.mkdir(parents=True, exist_ok=True)
        (storage / there).write_bytes(b"what it says")
    file = make_file(analyst, file_path=path)
    client = Client(raise_request_exception=False)
    key = {"Authorization": f"Bearer {program(analyst).access}"}

    with pytest.raises(SourceLost, match="is gone"):
        stored.open_bytes(file.original_filename, path)
    answer = client.get(f"/api/v1/files/{file.pk}/content/", headers=key)
    assert answer.status_code == 404
    assert b"what it says" not in answer.content


def test_removing_a_row_takes_no_bytes_along_that_are_somebody_else_s(
    upload: Upload, analyst: User, storage: Path, django_capture_on_commit_callbacks: Any
) -> None:
    theirs = upload(by=make_user("analyst")).file
    assert theirs.sha256 is not None
    (path,) = files_in(storage)
    # Leads to the same place, but is no hash that a row has.
    detour = f"aaaa/../../../{theirs.sha256[:2]}/{theirs.sha256[2:4]}/{theirs.sha256}"
    part = {"id": str(theirs.pk), "original_filename": "a.csv", "sha256": detour}
    own = make_file(analyst, sha256=None, file_path=None, merged_files=[part])

    with django_capture_on_commit_callbacks(execute=True):
        files.remove(own.pk, by=analyst)

    assert path.exists()


# --- Words ----------------------------------------------------------------------------------------

MARKUP = "<img src=x onerror=alert(1)>"


def test_names_of_files_and_columns_are_shown_as_text(upload: Upload, analyst: User) -> None:
    file = upload(f'"{MARKUP}",f_0\n"{MARKUP}",1\nb,"{MARKUP}"\nc,3\n', f"{MARKUP}.csv").file
    client = Client()
    client.force_login(analyst)

    for address in ("/ingestion/fileupload/", f"/ingestion/fileupload/{file.pk}/change/"):
        page = client.get(address, follow=True).content.decode()
        assert "<img src=x" not in page
        assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_a_name_of_a_file_cannot_add_a_header_to_a_download(upload: Upload, analyst: User) -> None:
    file = upload(name='a"\r\nSet-Cookie: x=1;.csv').file
    client = Client()
    client.force_login(analyst)
    key = {"Authorization": f"Bearer {program(analyst).access}"}

    answer = client.get(f"/api/v1/files/{file.pk}/content/", headers=key)

    assert b"".join(answer.streaming_content) == GOOD.encode()  # type: ignore[attr-defined]
    assert "\n" not in file.original_filename
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert "\n" not in answer["Content-Disposition"]
    assert answer["Content-Disposition"].startswith("attachment")
