"""The analysts' door: files of numbers, handed in, looked at, joined, removed."""

from config.admin.registry import NavItem, add_navigation, add_search
from ingestion.admin import files, search

__all__ = ["files", "search"]

add_navigation(
    NavItem(
        "Files",
        "admin:ingestion_fileupload_changelist",
        order=25,
        permission="ingestion.view_fileupload",
        also_active_for=("ingestion_filecheck_",),
    )
)
add_search(search.find_files, permission="ingestion.view_fileupload")
