"""The reviewers' door: the desk, annotations, collections, AI jobs, batches."""

from annotations.admin import (
    ai_jobs,
    annotation_list,
    batches,
    bulk,
    desk,
    exercises,
    image_collections,
    images,
    knowledge,
)
from config.admin.registry import NavItem, Panel, add_navigation, add_page, add_panel

__all__ = [
    "ai_jobs",
    "annotation_list",
    "batches",
    "bulk",
    "desk",
    "exercises",
    "image_collections",
    "images",
    "knowledge",
]

for _page in (*desk.PAGES, *bulk.PAGES, *images.PAGES, *knowledge.PAGES, *exercises.PAGES):
    add_page(_page)
add_panel(Panel("Waiting for review", 5, "annotations.review_annotation", desk.waiting, wide=True))
add_navigation(
    NavItem(
        "Review",
        "admin:annotations_desk",
        order=20,
        permission="annotations.review_annotation",
        count=desk.waiting_in_nav,
        count_meaning="annotations wait for review",
        also_active_for=("annotations_",),
    )
)
