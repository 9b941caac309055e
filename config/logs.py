"""Logs: one structured line per event, with the id of the request or job that caused it."""

from __future__ import annotations

import logging.config
import re
from collections.abc import Callable
from typing import Any, Final

import structlog

# Each says what the lines of this moment are about; a package adds its own. Asked only for lines
# that are written, so that naming the job costs nothing for the many that write none.
CONTEXT: Final[list[Callable[[], dict[str, Any]]]] = []


def _merge_context(_logger: Any, _method: str, event: Any) -> Any:
    for provider in CONTEXT:
        for name, value in provider().items():
            event.setdefault(name, value)
    return event


# A link from a mail carries its secret in the address, which a fault of its page would log.
_LINK: Final = re.compile(r"(/link/)[A-Za-z0-9_%-]{16,}")


def _hide_links(_logger: Any, _method: str, line: Any) -> Any:
    """The rendered line, whatever of it named the address."""
    return _LINK.sub(r"\1(hidden)", line)


# What Gunicorn notes of a request that it cannot read, and of one that failed outside Django.
_UNREAD: Final = re.compile(r"(Invalid request from ip=\S* [^:'\"]*).*", re.DOTALL)
_FAILED: Final = "Error handling request"


def hide_requests(record: logging.LogRecord) -> bool:
    """A filter for Gunicorn's own log, which repeats headers and addresses word for word.

    What was wrong stays, and from which address it came; a token in a broken header does not.
    """
    message = record.getMessage()
    if unread := _UNREAD.match(message):
        record.msg, record.args = f"{unread[1].rstrip()} (hidden)", ()
    elif message.startswith(_FAILED):
        record.msg, record.args = _LINK.sub(r"\1(hidden)", message.partition("?")[0]), ()
    return True


# What runs for every line, ours or a library's, before it is rendered.
_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    _merge_context,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.ExtraAdder(),
]


def configuration(level: str, form: str) -> dict[str, Any]:
    """The logging settings; ``form`` is ``json`` (a line per event) or ``text`` (for people)."""
    # Without local variables: they may hold a password, a token or somebody's data.
    tracebacks = structlog.processors.ExceptionRenderer(
        structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    )
    renderers: list[Any] = (
        [tracebacks, structlog.processors.JSONRenderer(default=str)]
        if form == "json"
        else [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *renderers,
                    _hide_links,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # A refused or missing page is the visitor's business, not an operator's.
            "django.request": {"level": "ERROR"},
            "PIL": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},  # a line for each publication
            "numba": {"level": "WARNING"},
        },
    }


def configure(settings: dict[str, Any]) -> None:
    """Set up standard logging and structlog together; Django calls it at start."""
    logging.config.dictConfig(settings)
    logging.getLogger("gunicorn.error").addFilter(hide_requests)  # once, however often it is added
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED[:-1],
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
