"""The operators' door: queues, schedule, workers, attempts; and what they add to the staff site."""

from audit.admin.links import add_page, by_search
from config.admin.registry import Panel, add_panel, add_search
from jobs.admin import addresses, attempts, overview, queues, schedule, search, workers
from jobs.admin.sections import add_place

__all__ = ["attempts", "queues", "schedule", "workers"]

add_place()
add_panel(Panel("Queues that need somebody", 6, "jobs.view_queue", overview.troubles, wide=True))
add_search(search.find_jobs, permission="jobs.view_queue")

# Where the audit log's entries about these lead.
add_page("queue", addresses.queue_page, permission="jobs.view_queue")
add_page("schedule_entry", addresses.schedule_page, permission="jobs.view_recurrence")
add_page("job", by_search)
