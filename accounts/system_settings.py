"""The settings of the running system that concern people."""

from database.system_settings import define

define(
    "require_second_factor_for_staff",
    False,
    "Whether everybody who uses the staff pages must log in with a one-time code.",
    accepts=lambda value: isinstance(value, bool),
    wanted="true or false",
)
