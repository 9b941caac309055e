"""What the commands that run an analysis at once have in common."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from accounts.models import User
from ingestion.models import FileUpload
from monitoring.actions.looking import Look
from monitoring.models import Dataset


def add_arguments(parser: CommandParser) -> None:
    """Which dataset, which file."""
    parser.add_argument("dataset", type=UUID, help="the key of the dataset")
    parser.add_argument("file", type=UUID, help="the key of an uploaded file of its owner")


def dataset_and_file(dataset_id: UUID, file_id: UUID) -> tuple[Dataset, FileUpload, User]:
    """The rows, and the owner for whom the analysis is; CommandError names what is not there."""
    dataset = Dataset.objects.select_related("user").filter(pk=dataset_id).first()
    if dataset is None:
        raise CommandError(f"There is no dataset {dataset_id}.")
    file = FileUpload.objects.filter(pk=file_id).first()
    if file is None:
        raise CommandError(f"There is no file {file_id}.")
    return dataset, file, dataset.user


class Stopped(Exception):
    """Somebody asked the command to stop, before anything was stored."""


@contextmanager
def progress(command: object, *, shown: bool) -> Iterator[Look]:
    """A bar on a terminal; the work ends when the command is asked to stop."""
    with tqdm(total=100, unit="%", disable=not shown, leave=False, file=sys.stderr) as bar:

        def look(share: float, message: str) -> None:
            if getattr(command, "stopping", False):
                raise Stopped
            bar.set_description(message)
            bar.update(int(share * 100) - bar.n)

        yield look
