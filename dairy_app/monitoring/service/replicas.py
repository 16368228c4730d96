"""What Prometheus is told of read replicas, where there are any."""

from collections.abc import Iterator

from dairy_app.database.replicas import Replicas


def exposition(replicas: Replicas) -> str:
    """How far each is behind the primary now, and how many reads it has answered, in Prometheus' text format.

    A replica that does not say where it is, or does not replay this primary's log, has no lag. Counted are the reads of
    all processes of this server since its start.
    """
    mark, standings = replicas.standings()
    known = {name: standing for name, standing in standings.items() if standing is not None}
    lines = [
        *_series(
            "dairy_replica_up",
            "gauge",
            "Whether the replica answers, and replays the primary's log.",
            {_label(replica=name): int(name in known) for name in standings},
        ),
        *_series(
            "dairy_replica_lag_seconds",
            "gauge",
            "At most so old is what the replica shows.",
            {
                _label(replica=name): round(seconds, 3)
                for name, standing in known.items()
                if (seconds := standing.seconds_behind(mark)) < float("inf")
            },
        ),
        *_series(
            "dairy_replica_lag_bytes",
            "gauge",
            "What the replica has not replayed of the primary's log.",
            {_label(replica=name): standing.bytes_behind(mark) for name, standing in known.items()},
        ),
        *_series(
            "dairy_lagging_reads_total",
            "counter",
            "Requests that may lag, by the server that they read.",
            {_label(server=name): count for name, count in replicas.served().items()},
        ),
        *_series(
            "dairy_replica_passed_over_total",
            "counter",
            "How often a request did not read the replica, and why.",
            {_label(replica=name, reason=why): count for (name, why), count in replicas.passed_over().items()},
        ),
    ]
    return "\n".join(lines) + "\n"


def _label(**names: str) -> str:
    return ",".join(f'{name}="{value}"' for name, value in names.items())


def _series(name: str, kind: str, means: str, values: dict[str, float]) -> Iterator[str]:
    if values:
        yield from (f"# HELP {name} {means}", f"# TYPE {name} {kind}")
        yield from (f"{name}{{{labels}}} {value}" for labels, value in values.items())
