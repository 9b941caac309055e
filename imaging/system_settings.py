"""The settings of the running system that imaging adds."""

from database.system_settings import define, whole_number

define(
    "analysis_cache_days",
    30,
    "Days for which a cached analysis is kept.",
    accepts=whole_number(1, 36_500),
    wanted="a whole number of days, from 1 to 36500",
)
define(
    "analysis_cache_max_entries",
    10_000,
    "Cached analyses kept at most; the least recently used go first.",
    accepts=whole_number(0, 1_000_000_000),
    wanted="a whole number from 0 to 1000000000",
)
