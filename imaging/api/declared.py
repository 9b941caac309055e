"""What the API of images says to programs: scopes of keys, and refusals as problems."""

from __future__ import annotations

from typing import Final

from config.api.problems import CONFLICT, INVALID, ProblemType, declare_problem, register_problem
from config.api.scopes import declare_scope
from imaging.errors import MetadataRefused, NotNow, SourceLost, StorageFailed, UploadRefused
from jobs.errors import DuplicateJob

READ_IMAGES: Final = "read:images"
WRITE_IMAGES: Final = "write:images"
READ_RESULTS: Final = "read:results"
WRITE_RESULTS: Final = "write:results"
READ_JOBS: Final = "read:jobs"
WRITE_JOBS: Final = "write:jobs"
READ_REPORTS: Final = "read:reports"

FILE_TOO_LARGE: Final = ProblemType(
    "file-too-large",
    413,
    "The file or the picture is larger than is taken",
    "The detail names the file and the limit. Make it smaller, or ask an admin to raise the limit.",
)
FILE_TYPE: Final = ProblemType(
    "file-type-refused",
    415,
    "The file is no picture of a kind that is taken",
    "The content decides, not the name. The detail says which kinds are taken: convert the file.",
)
FILE_UNREADABLE: Final = ProblemType(
    "file-unreadable",
    422,
    "The file cannot be read as a picture",
    "It is empty, damaged or ends early. Look at it where it comes from, and upload it anew.",
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
    declare_scope(READ_IMAGES, "See images, what is known of them, and their files.")
    declare_scope(WRITE_IMAGES, "Upload, describe and archive images, and settle duplicates.")
    declare_scope(READ_RESULTS, "See the results of analyses, and which are kept for reuse.")
    declare_scope(WRITE_RESULTS, "Write notes on results, and clear those kept for reuse.")
    declare_scope(READ_JOBS, "See the analyses that wait, run and ended.")
    declare_scope(WRITE_JOBS, "Have images analysed; retry, cancel and rank analyses.")
    declare_scope(READ_REPORTS, "Read the reports, which sum up images, results, jobs and people.")
    for kind in (FILE_TOO_LARGE, FILE_TYPE, FILE_GONE):
        declare_problem(kind)
    register_problem(UploadRefused, FILE_UNREADABLE)
    register_problem(StorageFailed, STORAGE)
    register_problem(MetadataRefused, INVALID)
    register_problem(NotNow, CONFLICT)
    register_problem(SourceLost, CONFLICT)
    register_problem(DuplicateJob, CONFLICT)
