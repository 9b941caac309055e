"""What the audit log records of uploaded files."""

from __future__ import annotations

from audit.registry import Action, register, register_guarded


def declare() -> None:
    """Add the actions to the registry."""
    register_guarded("file")
    register(
        Action("file.uploaded", "A file of numbers was handed in and stored."),
        Action("file.uploaded_again", "Somebody handed the bytes of a file of theirs in again."),
        Action("file.dialect_confirmed", "Somebody said how a file is to be read."),
        Action("file.check_requested", "Somebody had a file checked again."),
        Action("file.checked", "A file was read to its end, or to the first thing wrong in it."),
        Action("file.merged", "Files with the same columns were joined into one."),
        Action("file.removed", "A file was removed."),
        Action("file.downloaded", "A person fetched the bytes of a file.", "export_data"),
    )
