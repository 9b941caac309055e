"""What the audit log records of monitoring."""

from __future__ import annotations

from audit.registry import Action, register, register_guarded


def declare() -> None:
    """Add the actions to the registry."""
    register_guarded("map_config", word="config_change")
    register_guarded("dataset")
    register_guarded("anomaly")
    register_guarded("analysis_archive")
    register(
        Action("map_config.made", "New parameters of maps were put in force.", "config_change"),
        Action("dataset.made", "A dataset was made."),
        Action("dataset.changed", "A dataset was changed."),
        Action("dataset.archived", "A dataset was put away."),
        Action("dataset.reopened", "A dataset that was put away is used again."),
        Action("dataset.fit_requested", "A map of a machine was asked for.", "run_analysis"),
        Action("dataset.fitted", "A map of a healthy machine was made.", "run_analysis"),
        Action("dataset.place_requested", "Samples were handed in to be placed.", "run_analysis"),
        Action("dataset.placed", "Samples were placed on a map and judged.", "run_analysis"),
        Action("dataset.analysis_failed", "A map or a placing failed for good.", "run_analysis"),
        Action("dataset.analyses_archived", "Old analyses of a dataset went to a file."),
        Action("dataset.analyses_restored", "Archived analyses of a dataset were brought back."),
        Action("anomaly.acknowledged", "Somebody has seen an anomaly."),
        Action("monitor_data.archived", "Old samples were packed."),
        Action("analysis_archive.made", "Old analyses were moved to a file."),
        Action("analysis_archive.restored", "Archived analyses were brought back."),
    )
