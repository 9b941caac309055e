"""What the API of files says to programs: scopes of keys, and refusals as problems."""

from __future__ import annotations

from typing import Final

from config.api.problems import CONFLICT, INVALID, ProblemType, declare_problem, register_problem
from config.api.scopes import declare_scope
from ingestion import errors
from ingestion.reading import TableRefused

READ_FILES: Final = "read:files"
WRITE_FILES: Final = "write:files"

TABLE_TOO_LARGE: Final = ProblemType(
    "table-too-large",
    413,
    "The file is larger than is taken",
    "The detail names the file and the limit. Split it, or ask an admin to raise the limit.",
)
TABLE_TYPE: Final = ProblemType(
    "table-type-refused",
    415,
    "The file is no text with numbers",
    "The content decides, not the name. The detail says what it is: save the table as CSV.",
)
TABLE_UNREADABLE: Final = ProblemType(
    "table-unreadable",
    422,
    "The file cannot be read as a table of numbers",
    "The detail names the file, the row, the line and the column where the first thing is wrong.",
)
STORAGE: Final = ProblemType(
    "storage-failed",
    503,
    "The file could not be stored",
    "Nothing of it was kept. Tell an operator, and upload it again later.",
)
FILE_GONE: Final = ProblemType(
    "file-gone",
    404,
    "The stored file is gone",
    "The row is there, its file is not. Tell an operator: it can be restored from a backup.",
)


def declare() -> None:
    """Make them known; ``AppConfig.ready`` calls it."""
    declare_scope(READ_FILES, "See one's own files of numbers, and fetch them.")
    declare_scope(WRITE_FILES, "Upload, describe, join and remove files of numbers.")
    declare_problem(TABLE_TOO_LARGE)
    declare_problem(TABLE_TYPE)
    register_problem(errors.UploadRefused, TABLE_UNREADABLE)
    register_problem(errors.StorageFailed, STORAGE)
    register_problem(errors.DialectRefused, INVALID)
    register_problem(errors.NotNow, CONFLICT)
    register_problem(errors.SourceLost, FILE_GONE)
    register_problem(TableRefused, TABLE_UNREADABLE)
