"""Files of numbers, and the queue of their checks."""

from ingestion.models.file_check import CheckStatus, FileCheck
from ingestion.models.file_upload import FileStatus, FileUpload

__all__ = ["CheckStatus", "FileCheck", "FileStatus", "FileUpload"]
