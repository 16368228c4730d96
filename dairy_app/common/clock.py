"""The one place that asks what time it is, so that a test can live a whole month."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present instant, in UTC. Business dates come from ``business.queries.today``."""
    return datetime.now(UTC)
