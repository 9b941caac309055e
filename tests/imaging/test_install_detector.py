"""``manage.py install_detector``"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import User
from audit.models import Entry
from imaging.vision import DETECTOR_MODEL, MODEL, detector_weights
from providers.actions import money
from providers.models import Provider, ProviderPrice
from tests.factories import make_user
from tests.imaging.vision.packages import archive, members, trusted

pytestmark = pytest.mark.django_db

FILES = {detector_weights.FILE_NAME, detector_weights.LICENCE_NAME}


@pytest.fixture
def home(settings: Settings, tmp_path: Path) -> Path:
    """A machine of the test's own."""
    settings.LACUNA_HOME = tmp_path / "home"
    settings.DETECTOR_SOURCE = ""
    return tmp_path / "home"


@pytest.fixture
def package(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return trusted(monkeypatch, archive(tmp_path / "package.tgz", members()))


@pytest.fixture
def admin(db: None) -> User:
    return make_user("admin")


def run(*arguments: str | Path) -> dict[str, Any]:
    out = io.StringIO()
    call_command("install_detector", "--json", *map(str, arguments), stdout=out)
    outcome: dict[str, Any] = json.loads(out.getvalue())
    return outcome


def said(*arguments: str | Path) -> str:
    out = io.StringIO()
    call_command("install_detector", *map(str, arguments), stdout=out)
    return out.getvalue()


def stored(home: Path) -> set[str]:
    folder = home / "models"
    return {file.name for file in folder.iterdir()} if folder.exists() else set()


def local() -> Provider:
    return Provider.objects.get(name="local")


def test_it_is_installed_and_asked_for_at_no_price(home: Path, package: Path, admin: User) -> None:
    outcome = run("--from", package)

    assert stored(home) == FILES
    assert detector_weights.state(home / "models") == "installed"
    assert local().default_model == DETECTOR_MODEL
    price = money.price_of(local(), DETECTOR_MODEL)
    assert price is not None
    assert not any((price.input_per_million, price.output_per_million, price.per_image))
    assert outcome == {
        "before": "missing",
        "source": str(package),
        "files": [
            str(home / "models" / name)
            for name in (detector_weights.FILE_NAME, detector_weights.LICENCE_NAME)
        ],
        "model": DETECTOR_MODEL,
        "model_changed": True,
        "removed": False,
        "dry_run": False,
    }
    changed = Entry.objects.get(action="provider.changed")
    assert changed.actor_id == admin.pk


def test_repeating_it_does_nothing(home: Path, package: Path, admin: User) -> None:
    run("--from", package)
    before = {file.name: file.stat().st_mtime_ns for file in (home / "models").iterdir()}
    package.unlink()

    outcome = run("--from", package)

    assert (outcome["before"], outcome["files"], outcome["model_changed"]) == (
        *("installed", [], False),
    )
    assert {file.name: file.stat().st_mtime_ns for file in (home / "models").iterdir()} == before
    assert ProviderPrice.objects.filter(model=DETECTOR_MODEL).count() == 1


def test_a_damaged_file_is_made_anew(home: Path, package: Path, admin: User) -> None:
    run("--from", package)
    (home / "models" / detector_weights.FILE_NAME).write_bytes(b"damaged")

    assert run("--from", package)["before"] == "damaged"
    assert detector_weights.state(home / "models") == "installed"


def test_the_setting_names_the_source(
    home: Path, package: Path, admin: User, settings: Settings
) -> None:
    settings.DETECTOR_SOURCE = str(package)

    assert run()["source"] == str(package)
    assert stored(home) == FILES


def test_a_dry_run_examines_the_file_and_changes_nothing(
    home: Path, package: Path, admin: User, tmp_path: Path
) -> None:
    outcome = run("--from", package, "--dry-run")

    assert (outcome["model"], outcome["model_changed"]) == (DETECTOR_MODEL, True)
    assert len(outcome["files"]) == 2
    assert stored(home) == set()
    assert local().default_model == MODEL
    assert not ProviderPrice.objects.filter(model=DETECTOR_MODEL).exists()
    other = tmp_path / "other.tgz"
    other.write_bytes(b"another")
    with pytest.raises(CommandError, match=r"other\.tgz is not the archive of @vladmandic"):
        run("--from", other, "--dry-run")
    with pytest.raises(CommandError, match=r"gone\.tgz is no file"):
        run("--from", tmp_path / "gone.tgz", "--dry-run")


def test_a_dry_run_fetches_nothing(
    home: Path, admin: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert run("--dry-run")["source"] == "the npm client"
    with pytest.raises(CommandError, match="There is no npm on this machine"):
        run()
    assert stored(home) == set()
    assert local().default_model == MODEL


def test_removing_it_goes_back_to_figure_and_ground(home: Path, package: Path, admin: User) -> None:
    run("--from", package)

    planned = run("--remove", "--dry-run")
    assert (stored(home), local().default_model) == (FILES, DETECTOR_MODEL)
    outcome = run("--remove")

    assert planned["files"] == outcome["files"]
    assert len(outcome["files"]) == 2
    assert (stored(home), local().default_model) == (set(), MODEL)
    assert (outcome["model"], outcome["model_changed"], outcome["removed"]) == (MODEL, True, True)
    again = run("--remove")
    assert (again["files"], again["model_changed"]) == ([], False)


def test_a_further_machine_takes_the_files_alone_and_needs_nobody(
    home: Path, package: Path
) -> None:
    outcome = run("--from", package, "--files-only")

    assert stored(home) == FILES
    assert (outcome["model"], outcome["model_changed"]) == (MODEL, False)
    assert run("--remove", "--files-only")["model"] == MODEL
    assert stored(home) == set()


def test_a_model_that_somebody_chose_is_left(home: Path, package: Path) -> None:
    Provider.objects.filter(name="local").update(default_model="of-our-own")

    outcome = run("--from", package)

    assert (outcome["model"], outcome["model_changed"]) == ("of-our-own", False)
    assert run("--remove")["model"] == "of-our-own"


def test_without_an_admin_nothing_is_fetched(home: Path, package: Path) -> None:
    with pytest.raises(CommandError, match=r"no active admin: .* --as EMAIL\. Or .* --files-only"):
        run("--from", package)

    analyst = make_user("analyst")
    with pytest.raises(CommandError, match=f"{analyst.email} is no admin, .* --files-only"):
        run("--from", package, "--as", analyst.email)
    assert stored(home) == set()
    assert local().default_model == MODEL


def test_a_wrong_file_leaves_everything_as_it_was(home: Path, admin: User, tmp_path: Path) -> None:
    file = archive(tmp_path / "other.tgz", members())

    with pytest.raises(CommandError, match=r"other\.tgz is not the archive of"):
        run("--from", file)
    assert stored(home) == set()
    assert local().default_model == MODEL


def test_remove_and_from_together_are_refused(home: Path, admin: User) -> None:
    with pytest.raises(CommandError, match="--remove needs no --from"):
        run("--remove", "--from", "package.tgz")


def test_it_says_what_it_did(home: Path, package: Path, admin: User) -> None:
    planned, told = said("--from", package, "--dry-run"), said("--from", package)

    assert planned.startswith(f"Would install the detector, which was missing, from {package} ")
    assert f"would be asked for {DETECTOR_MODEL} from now on." in planned
    assert told.startswith(f"Installed the detector, which was missing, from {package} (@vlad")
    assert str(home / "models" / detector_weights.FILE_NAME) in told
    assert f"The local provider is asked for {DETECTOR_MODEL} from now on." in told
    assert said() == (
        "The detector is installed already, whole and as it was tested.\n"
        f"The local provider is asked for {DETECTOR_MODEL}, as before.\n"
    )
    assert "Would remove " in said("--remove", "--dry-run")
    assert said("--remove").count("Removed ") == 2
    assert said("--remove").startswith("There is no detector on this machine.\n")
