"""The staff pages of files: who may do what, what is said, and that hostile rows stay text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from database.models import SystemSetting
from ingestion.models import FileStatus, FileUpload
from tests.factories import make_file, make_user
from tests.ingestion.conftest import GOOD, Upload, told
from tests.ingestion.test_uploads import files_in

pytestmark = pytest.mark.django_db
LIST = "/ingestion/fileupload/"
ClientFor = Callable[[User | str], Client]


@pytest.fixture
def client_for(db: None) -> ClientFor:
    """A client logged in as the person, or as somebody of the role."""

    def make(who: User | str) -> Client:
        client = Client()
        client.force_login(make_user(who) if isinstance(who, str) else who)
        return client

    return make


def sent(content: str | bytes = GOOD, name: str = "press.csv") -> SimpleUploadedFile:
    data = content.encode() if isinstance(content, str) else content
    return SimpleUploadedFile(name, data, "text/csv")


def page_of(client: Client, address: str, **data: Any) -> str:
    answer = client.post(address, data, follow=True) if data else client.get(address, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


# --- Handing in -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "status"), [("admin", 200), ("analyst", 200), ("moderator", 403), ("viewer", 403)]
)
def test_only_who_may_upload_gets_the_page(client_for: ClientFor, role: str, status: int) -> None:
    client = client_for(role)

    assert client.get(f"{LIST}add/").status_code == status
    assert client.post(f"{LIST}add/", {"files": [sent()]}).status_code == status
    assert FileUpload.objects.exists() == (status == 200)


def test_several_files_have_an_outcome_each(client_for: ClientFor, analyst: User) -> None:
    files = [
        sent(),
        sent(name="again.csv"),
        sent("name,f_0\na\n", "narrow.csv"),
        sent("name,f_0\nMüller,1\n".encode("cp1252"), "old.csv"),
        sent(b"PK\x03\x04....xl/", "book.xlsx"),
        sent(b"", "empty.csv"),
    ]

    page = page_of(client_for(analyst), f"{LIST}add/", files=files)

    for said in (
        "Stored: 2 rows, 3 columns.",
        "You handed in the same bytes before, as press.csv.",
        "Stored, but: narrow.csv, row 1 (line 2): it has 1 cell, the header 2.",
        "Open it, and say how it is to be read.",
        "It is an Excel workbook. Save the sheet as CSV.",
        "The file is empty.",
    ):
        assert said in page
    assert FileUpload.objects.count() == 3


def test_a_file_over_the_limit_is_dropped_on_the_way(client_for: ClientFor, storage: Path) -> None:
    SystemSetting.objects.create(setting_key="max_file_size", setting_value=1000)

    page = page_of(
        client_for("analyst"), f"{LIST}add/", files=[sent("a,b\n" + "1,2\n" * 40_000, "big.csv")]
    )

    assert "The file is larger than 1000 B." in page or "The file is larger than" in page
    assert not FileUpload.objects.exists()
    assert files_in(storage) == []


def test_without_a_file_the_page_says_so(client_for: ClientFor) -> None:
    answer = client_for("analyst").post(f"{LIST}add/")

    assert answer.status_code == 400
    assert "No file was chosen" in answer.content.decode()


def test_a_form_without_its_token_is_refused(analyst: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(analyst)

    assert client.post(f"{LIST}add/", {"files": [sent()]}).status_code == 403
    assert not FileUpload.objects.exists()


# --- Looking --------------------------------------------------------------------------------------


def test_a_person_lists_their_own_files_and_an_admin_all(
    client_for: ClientFor, upload: Upload, analyst: User
) -> None:
    upload(name="mine.csv")
    make_file(original_filename="theirs.csv")

    own, every = page_of(client_for(analyst), LIST), page_of(client_for("admin"), LIST)

    assert ("mine.csv" in own, "theirs.csv" in own) == (True, False)
    assert ("mine.csv" in every, "theirs.csv" in every) == (True, True)
    assert "theirs.csv" in page_of(client_for("admin"), f"{LIST}?q=their&status=ready")


def test_the_page_shows_the_first_rows_and_what_is_in_the_columns(
    client_for: ClientFor, upload: Upload, analyst: User
) -> None:
    file = upload("name,f_0,f_1\n" + "a,1,2\n" * 3 + "b,NaN,4\n").file

    page = page_of(client_for(analyst), f"{LIST}{file.pk}/change/")

    assert "<bdi>f_0</bdi>" in page
    assert "Columns of numbers with cells that are none" in page
    assert "<code>NaN</code>" in page
    assert file.sha256 is not None
    assert file.sha256 in page


def test_another_persons_page_is_not_there(client_for: ClientFor, analyst: User) -> None:
    foreign = make_file(original_filename="secret.csv")

    for path in ("change/", "content/"):
        page = page_of(client_for(analyst), f"{LIST}{foreign.pk}/{path}")
        assert "secret.csv" not in page


def test_what_files_say_stays_text(client_for: ClientFor, upload: Upload, analyst: User) -> None:
    evil = "<script>alert(1)</script>"
    file = upload(f'name,"{evil}"\n{evil},1\n{evil},2\n{evil},x\n', f"{evil}.csv").file
    client = client_for(analyst)

    for address in (LIST, f"{LIST}{file.pk}/change/"):
        assert evil not in page_of(client, address)


def test_a_lost_file_leaves_its_page_readable(
    client_for: ClientFor, upload: Upload, analyst: User, storage: Path
) -> None:
    file = upload().file
    for path in files_in(storage):
        path.unlink()
    client = client_for(analyst)

    for address in ("change/", "content/"):
        assert "is gone. Restore it" in page_of(client, f"{LIST}{file.pk}/{address}")


def test_a_file_is_fetched_as_it_was_handed_in(
    client_for: ClientFor, upload: Upload, analyst: User
) -> None:
    file = upload().file

    answer: Any = client_for(analyst).get(f"{LIST}{file.pk}/content/")

    assert b"".join(answer.streaming_content) == GOOD.encode()
    assert answer["Content-Disposition"] == 'attachment; filename="press.csv"'
    assert told()[-1] == "file.downloaded"


# --- Changing -------------------------------------------------------------------------------------


def test_how_it_is_read_is_tried_first_and_then_confirmed(
    client_for: ClientFor, upload: Upload, analyst: User
) -> None:
    file = upload("name;f_0\nMüller;1,5\n".encode("cp1252")).file
    client = client_for(analyst)
    address = f"{LIST}{file.pk}/"

    waiting = page_of(client, f"{address}change/")
    assert "How is it to be read?" in waiting
    assert "Müller" in waiting
    trial = page_of(client, f"{address}change/?encoding=mac-roman")
    assert "The rows below show a trial." in trial
    assert "Müller" not in trial
    said = {"encoding": "cp1252", "delimiter": ";", "decimal": ","}
    done = page_of(client, f"{address}dialect/", **said)
    assert "It is read: 1 rows, 2 columns." in done

    file.refresh_from_db()
    assert (file.status, file.decimal_sign) == (FileStatus.READY, ",")
    contradiction = page_of(client, f"{address}change/?delimiter=,&decimal=,")
    assert "both part the cells" in contradiction


def test_a_change_that_is_refused_is_told(
    client_for: ClientFor, upload: Upload, analyst: User
) -> None:
    file = upload().file
    client = client_for(analyst)

    page = page_of(client, f"{LIST}{file.pk}/dialect/", encoding="x")
    assert "no encoding that is read here" in page
    page = page_of(client, f"{LIST}{make_file().pk}/remove/", sure="yes")
    assert "There is no file" in page


@pytest.mark.parametrize("change", ["dialect", "check", "remove"])
def test_a_viewer_changes_nothing_and_nobody_by_a_link(
    client_for: ClientFor, upload: Upload, analyst: User, change: str
) -> None:
    viewer = make_user("viewer")
    file = make_file(viewer)

    assert client_for(viewer).post(f"{LIST}{file.pk}/{change}/").status_code == 403
    assert client_for(analyst).get(f"{LIST}{upload().file.pk}/{change}/").status_code == 405


def test_files_are_checked_again_joined_and_removed(
    client_for: ClientFor, upload: Upload, analyst: User
) -> None:
    files = [upload(f"name,f_0\n{n},1\n", f"{n}.csv").file for n in range(2)]
    broken = upload("name,f_0\na\n", "broken.csv").file
    client = client_for(analyst)

    again = page_of(client, f"{LIST}{broken.pk}/check/", sure="yes")
    assert "It cannot be read so: broken.csv, row 1" in again
    chosen = {"action": "merge", "_selected_action": [str(file.pk) for file in files]}
    assert "Join 2 files into one" in page_of(client, LIST, **chosen)
    joined = page_of(client, LIST, **chosen, name="both.csv")
    assert "2 files are one: both.csv." in joined
    assert "First rows of the first part" in joined
    refused = page_of(
        client, LIST, **(chosen | {"_selected_action": [str(files[0].pk)]}), name="one.csv"
    )
    assert "at least two" in refused
    gone = page_of(client, f"{LIST}{files[0].pk}/remove/", sure="yes")
    assert "Removed: 0.csv." in gone
    assert FileUpload.objects.count() == 3


def test_the_search_finds_a_file(client_for: ClientFor, upload: Upload, analyst: User) -> None:
    file = upload(name="kettle.csv").file
    client = client_for(analyst)

    for text in ("kett", str(file.pk), file.sha256 or ""):
        assert f"{LIST}{file.pk}/change/" in page_of(client, f"/search/?q={text}")
