"""Files of numbers, without the bytes behind them unless a test stores some."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

from accounts.models import User
from ingestion.models import FileStatus, FileUpload
from tests.factories.accounts import make_user

_numbers = itertools.count(1)


def make_file(user: User | None = None, **fields: Any) -> FileUpload:
    """A file that is ready: two rows of a name and two features."""
    number = next(_numbers)
    sha256 = hashlib.sha256(f"file {number}".encode()).hexdigest()
    values: dict[str, Any] = {
        "user": user or make_user(),
        "original_filename": f"table-{number}.csv",
        "file_size": 100,
        "file_path": f"files/{sha256[:2]}/{sha256[2:4]}/{sha256}.csv",
        "sha256": sha256,
        "status": FileStatus.READY,
        "row_count": 2,
        "column_count": 3,
        "header": ["name", "f_0", "f_1"],
        "column_kinds": ["text", "number", "number"],
    }
    return FileUpload.objects.create(**(values | fields))
