"""Cron expressions in words, for the shapes that people use; others are shown as written."""

from __future__ import annotations

from typing import Final

_DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def in_words(cron: str) -> str:
    """``17 3 * * *`` as "every day at 03:17"; the expression itself where there are no words."""
    fields = cron.split()
    if len(fields) != 5:
        return cron
    minute, hour, day, month, weekday = fields
    when = _when(minute, hour)
    if not when:
        return cron
    if (day, month, weekday) == ("*", "*", "*"):
        return when if when.startswith("every") else f"every day {when}"
    if when.startswith("every"):
        return cron
    days = _days(day, month, weekday)
    return f"{days} {when}" if days else cron


def _when(minute: str, hour: str) -> str:
    if minute.isdecimal() and hour.isdecimal():
        return f"at {int(hour):02}:{int(minute):02}"
    if hour == "*":
        if minute == "*":
            return "every minute"
        if minute.isdecimal():
            return "every hour" if int(minute) == 0 else f"every hour, {int(minute)} min past"
        if step := _even_step(minute, 60):
            return f"every {step} minutes"
    if minute.isdecimal() and (step := _even_step(hour, 24)):
        past = "" if int(minute) == 0 else f", {int(minute)} min past"
        return f"every {step} hours{past}"
    return ""


def _even_step(field: str, whole: int) -> int:
    """The step of ``*/n`` where it divides the whole, or 0: another one starts anew each time."""
    star, _, text = field.partition("/")
    step = int(text) if star == "*" and text.isdecimal() else 0
    return step if step > 1 and whole % step == 0 else 0


def _days(day: str, month: str, weekday: str) -> str:
    """Which days, where one of the three fields alone is set, or day and month are."""
    if (day, month) == ("*", "*"):
        if weekday == "1-5":
            return "Monday to Friday"
        parts = weekday.split(",")
        if all(part.isdecimal() and int(part) <= 7 for part in parts):
            return "every " + " and ".join(_DAYS[int(part) % 7] for part in parts)
        return ""
    if weekday != "*" or not (day.isdecimal() and 1 <= int(day) <= 31):
        return ""
    if month == "*":
        return f"on day {int(day)} of every month"
    if month.isdecimal() and 1 <= int(month) <= 12:
        return f"every year on {int(day)} {_MONTHS[int(month) - 1]}"
    return ""
