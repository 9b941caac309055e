"""The settings of the running system that concern annotations."""

from database.system_settings import define, whole_number


def _is_switch(value: object) -> bool:
    return isinstance(value, bool)


define(
    "vision_cache_days",
    90,
    "For how many days an answer of an AI provider is kept, so that nobody pays for it again.",
    accepts=whole_number(1, 3650),
    wanted="a whole number of days from 1 to 3650",
)
define(
    "vision_cache_entries",
    10_000,
    "How many answers of AI providers are kept; beyond it those used longest ago go.",
    accepts=whole_number(0),
    wanted="a whole number from 0 on",
)
define(
    "ai_payload_days",
    180,
    "For how many days it is kept what a provider was asked and answered; annotations stay.",
    accepts=whole_number(1, 3650),
    wanted="a whole number of days from 1 to 3650",
)
define(
    "encrypt_ai_payloads",
    False,
    "Whether what providers are asked and answer is encrypted where it is kept.",
    accepts=_is_switch,
    wanted="true or false",
)
