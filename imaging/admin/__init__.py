"""The analysts' door: images, upload, queue, results; and what they add to the staff site."""

from config.admin.registry import NavItem, Panel, add_navigation, add_panel, add_search
from imaging.admin import cache, images, overview, queue, queue_state, results, search

__all__ = ["cache", "images", "overview", "queue", "results", "search"]

add_navigation(
    NavItem(
        "Images",
        "admin:imaging_image_changelist",
        order=10,
        permission="imaging.view_image",
        also_active_for=("imaging_analysisresult_",),
    )
)
add_navigation(
    NavItem(
        "Analyses",
        "admin:imaging_processingjob_changelist",
        order=40,
        permission="imaging.view_processingjob",
        count=queue_state.failed_jobs,
        count_meaning="failed",
        also_active_for=("imaging_analysiscacheentry_", "imaging_analysisresulthistory_"),
    )
)

add_panel(Panel("Latest images", 10, "imaging.view_image", overview.latest_images, wide=True))
add_panel(Panel("Failed analyses", 7, "imaging.view_processingjob", overview.failed, wide=True))
add_panel(Panel("Images by status", 20, "imaging.view_image", overview.images_by_status, wide=True))
add_panel(Panel("Queue", 30, "imaging.view_processingjob", overview.queue, wide=True))

add_search(search.find_images, permission="imaging.view_image")
add_search(search.find_jobs, permission="imaging.view_processingjob")
