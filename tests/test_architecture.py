"""The rules of the house that imports alone do not show."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import models

# Each package with its layer; a foreign key may point to its own package or further down.
LAYERS = {
    "annotations": 7,
    "imaging": 6,
    "monitoring": 6,
    "ingestion": 5,
    "providers": 5,
    "webhooks": 5,
    "accounts": 4,
    "jobs": 3,
    "audit": 2,
    "database": 1,
    "config": 0,
}
OURS = set(LAYERS)
ROOT = Path(settings.BASE_DIR)


def our_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model._meta.app_label in OURS]


def test_foreign_keys_point_down() -> None:
    upward = []
    for model in our_models():
        for field in model._meta.get_fields():
            target = getattr(field, "related_model", None)
            if not (field.concrete and field.is_relation and target):
                continue
            here, there = model._meta.app_label, target._meta.app_label
            if there in LAYERS and here != there and LAYERS[there] >= LAYERS[here]:
                upward.append(f"{model.__name__}.{field.name} points to {there}")

    assert our_models()
    assert upward == []


def test_every_model_has_a_key_ordered_by_time_and_no_implicit_order() -> None:
    for model in our_models():
        # A view has the keys of its tables; versions of parameters are numbered, as documented.
        if model._meta.managed and model._meta.db_table != "config_data":
            assert type(model._meta.pk).__name__ == "KeyField", model
        assert model._meta.ordering == [], model


def test_every_default_is_known_to_the_database_too() -> None:
    lacking = [
        f"{model.__name__}.{field.name}"
        for model in our_models()
        for field in model._meta.local_concrete_fields
        if field.has_default() and not field.has_db_default()
    ]

    assert lacking == []


def test_every_migration_has_a_telling_name_and_a_docstring() -> None:
    for app in OURS:
        for file in sorted((ROOT / app).glob("migrations/0*.py")):
            assert "auto" not in file.stem, file
            assert file.read_text().startswith('"""'), f"{file} says nothing about itself"


def test_every_sql_file_belongs_to_a_migration_and_has_its_counterpart() -> None:
    for app in OURS:
        for file in sorted((ROOT / app).glob("sql/*.sql")):
            stem, direction, _ = file.name.split(".")
            assert (ROOT / app / "migrations" / f"{stem}.py").exists(), file
            other = {"up": "down", "down": "up"}[direction]
            assert file.with_name(f"{stem}.{other}.sql").exists(), file


def test_migrations_import_nothing_of_ours_but_database() -> None:
    ours = "|".join(OURS - {"database"})
    allowed = re.compile(rf"^(?:from|import) (?!(?:{ours})\b)", re.MULTILINE)
    for app in OURS:
        for file in (ROOT / app).glob("migrations/0*.py"):
            imports = re.findall(r"^(?:from|import) .+", file.read_text(), re.MULTILINE)
            assert all(allowed.match(line) for line in imports), file


def test_every_setting_is_in_the_example_file() -> None:
    example = (ROOT / ".env.example").read_text()
    source = (ROOT / "config" / "settings.py").read_text()
    source += (ROOT / "config" / "environment.py").read_text()
    read = set(
        re.findall(
            r"(?:environ\.get|boolean|integer|choice|words|database_url)\(\s*\"([A-Z_]+)\"", source
        )
    )
    internal = {"LACUNA_PROCESS"}

    assert {"DATABASE_URL", "SECRET_KEY", "LOG_LEVEL"} <= read
    assert {name for name in read - internal if f"#{name}=" not in example} == set()


def test_no_lock_file_holds_an_address() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert "--hash=sha256:" in text
        assert not re.search(r"https?://|--index-url|--find-links|file:", text), name


def test_importing_the_settings_starts_no_server(tmp_path: Path) -> None:
    code = "import django; django.setup(); from django.db import connection; print('ready')"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LACUNA_HOME": str(tmp_path / "home"),
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout.strip() == "ready"
    assert not (tmp_path / "home" / "postgres").exists()
