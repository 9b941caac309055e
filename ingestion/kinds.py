"""The kind of job that ingestion gives to workers."""

from ingestion.models import FileCheck
from jobs.registry import JobKind, register

FILE_CHECKS = register(
    JobKind(
        queue="file_checks",
        model=FileCheck,
        handler="ingestion.handlers.check_file",
        executor="process",  # it computes, for seconds
        prepare="ingestion.handlers.warm_up",
        limit_per_person=True,
    )
)
