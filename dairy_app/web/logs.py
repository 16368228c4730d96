"""Logs: one line an event, with the request's id; as JSON for machines or as text for people.

No line holds a secret: bodies, tokens and query strings are never logged.
"""

import logging
import sys
import time
from typing import Any

import structlog
from flask import Flask, Response, g, request

log: structlog.stdlib.BoundLogger = structlog.get_logger("dairy_app")


def configure_logging(level: str, form: str) -> None:
    """Set the level (``DAIRY_LOG_LEVEL``) and the form (``DAIRY_LOG_FORMAT``: text or json), to stderr."""
    last: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if form == "json"
        # Its default shows local variables in tracebacks: passwords and tokens among them.
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def register_access_log(app: Flask) -> None:
    """One line per request: method, route (not the path: it may hold a token), status, milliseconds, user."""

    @app.before_request
    def start_clock() -> None:
        g.started = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.get("request_id"))

    @app.after_request
    def write_line(response: Response) -> Response:
        actor = g.get("actor")
        log.info(
            "request",
            method=request.method,
            route=request.url_rule.rule if request.url_rule else None,
            status=response.status_code,
            milliseconds=round((time.perf_counter() - g.started) * 1000, 1),
            user_id=str(actor.user_id) if actor else None,
            ip=request.remote_addr,
        )
        return response
