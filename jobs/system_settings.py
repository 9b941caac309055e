"""The settings of the running system that the job engine adds."""

from database.system_settings import define, whole_number

define(
    "finished_job_days",
    90,
    "Days for which completed and cancelled jobs are kept; 0 keeps them for ever.",
    accepts=whole_number(0, 36_500),
    wanted="a whole number of days, from 0 to 36500",
)
define(
    "failed_job_days",
    365,
    "Days for which failed jobs are kept; 0 keeps them for ever.",
    accepts=whole_number(0, 36_500),
    wanted="a whole number of days, from 0 to 36500",
)
define(
    "queue_late_seconds",
    900,
    "Seconds that a job may wait for a worker before the site's health tells of it.",
    accepts=whole_number(1, 7 * 86_400),
    wanted="a whole number of seconds, from 1 to 604800",
)
