"""The settings of the running system that concern monitoring."""

from database.system_settings import define, whole_number
from monitoring.rules.mail_domains import is_domain

_MOST_DOMAINS = 100


def _is_switch(value: object) -> bool:
    return isinstance(value, bool)


def _are_domains(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= _MOST_DOMAINS
        and all(isinstance(one, str) and is_domain(one) for one in value)
    )


define(
    "alert_mail_domains",
    [],
    "Domains that rules of alerts may write to; with none, any address.",
    accepts=_are_domains,
    wanted=(
        f"a list of at most {_MOST_DOMAINS} domains in small letters, such as example.org, or"
        " *.example.org for those below it"
    ),
)
define(
    "encrypt_dataset_metadata",
    False,
    "Whether what is noted of a dataset is encrypted where it is kept.",
    accepts=_is_switch,
    wanted="true or false",
)
define(
    "monitor_data_days",
    183,
    "After how many days samples are packed; they stay readable in SQL.",
    accepts=whole_number(1, 36500),
    wanted="a whole number of days from 1 to 36500",
)
define(
    "analysis_days",
    365,
    "After how many days analyses and their anomalies are moved to a file.",
    accepts=whole_number(1, 36500),
    wanted="a whole number of days from 1 to 36500",
)
define(
    "performance_metric_days",
    90,
    "For how many days measurements of the system's own speed are kept.",
    accepts=whole_number(1, 3650),
    wanted="a whole number of days from 1 to 3650",
)
