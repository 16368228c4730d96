"""The rule of what is due stands twice, in SQL and in Python: both say the same of thousands of random days."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from dairy_app.subscriptions.models import MODES, SUBSCRIPTION_STATUSES
from dairy_app.subscriptions.queries.due import days_from, due, with_holds
from dairy_app.subscriptions.rules.rhythm import days_of
from dairy_app.subscriptions.rules.standing_orders import (
    Closing,
    Entry,
    Household,
    Schedule,
    StandingOrder,
    days_between,
    decide,
)
from dairy_app.web.http import DairyFlask
from tests.conftest import raw_connection
from tests.dairy import Dairy

FIRST, LAST = date(2026, 10, 20), date(2026, 12, 5)
PEOPLE = 400
CLOSINGS = 60
#: The words of entries and closings fall among each other.
BEGUN = datetime(2026, 10, 1, tzinfo=UTC)
#: A part of town with a part of it, which has one again; another part of town.
AREAS = {name: UUID(int=n) for n, name in enumerate(("town", "quarter", "street", "village"), 1)}
AROUND: Mapping[str | None, tuple[str, ...]] = {
    None: (), "town": ("town",), "quarter": ("quarter", "town"), "street": ("street", "quarter", "town"),
    "village": ("village",),
}  # fmt: skip
SHIFTS = ("morning", "evening")

#: Every rule there is, so that the test knows it has met them all.
RULES = {
    "customer_not_active", "draft", "stopped", "paused", "not_started", "stop_date", "pause", "irregular", "override",
    "weekly_pattern", "alternate_days", "fixed_daily", "none", "closed_day", "closed_day_moved", "credit_hold",
}  # fmt: skip


def some_day(chance: random.Random, before: int = 10) -> date:
    return FIRST + timedelta(days=chance.randint(-before, (LAST - FIRST).days + 10))


def some_moment(chance: random.Random) -> datetime:
    return BEGUN + timedelta(minutes=chance.randint(0, 100))


def some_household(chance: random.Random) -> Household:
    status = chance.choices(("active", "trial", "paused", "stopped"), (12, 4, 1, 1))[0]
    within = [AREAS[name] for name in AROUND[chance.choice(list(AROUND))]]
    return Household(status, chance.choice((None, some_day(chance))), within)


def some_closings(chance: random.Random) -> list[Closing]:
    """Of every shape, also such as no service would make: two of a day, days moved to closed days, and in a ring."""
    made = {}
    for minute in range(CLOSINGS):
        day, shift = some_day(chance), chance.choice((None, *SHIFTS))
        area = chance.choice((None, *AREAS.values()))
        moved = day + timedelta(days=chance.choice((-7, -2, -1, 1, 1, 2, 3)))
        # Two at the very same moment would be told apart by their ids.
        moment = BEGUN + timedelta(minutes=minute * 100 // CLOSINGS)
        made[day, shift, area] = Closing(day, moment, shift, area, chance.choice((None, moved, moved)))
    return sorted(made.values(), key=lambda each: each.made_at)


def some_rhythm(chance: random.Random) -> dict[str, Any]:
    mode = chance.choice(MODES)
    by_day = [Decimal(chance.randint(0, 4000)) / 1000 * chance.randint(0, 1) for _ in range(6)] + [Decimal(1)]
    rhythm = {
        "mode": mode,
        "interval_days": chance.randint(1, 10) if mode == "alternate_days" else None,
        "anchor_date": some_day(chance, before=400) if mode == "alternate_days" else None,
        "shift": chance.choice(SHIFTS),
        "weekly_pattern": None,
        "weekly_quantities": None,
    }
    if mode != "weekly_pattern":
        return rhythm
    if chance.random() < 0.5:
        return rhythm | {"weekly_pattern": days_of(by_day), "weekly_quantities": by_day}
    return rhythm | {"weekly_pattern": sorted(chance.sample(range(7), chance.randint(1, 7)))}


def some_schedules(chance: random.Random, products: Sequence[UUID]) -> list[Schedule]:
    """What it was at first, and up to four changes; each with or without a quantity."""
    days = sorted({some_day(chance) for _ in range(chance.randint(1, 4))})
    quantities = [Decimal(chance.randint(0, 9)), *(chance.choice((None, Decimal(chance.randint(0, 9)))) for _ in days)]
    return [
        Schedule(first=day, default_quantity=quantity, product=chance.choice(products), **some_rhythm(chance))
        for day, quantity in zip([None, *days], quantities, strict=True)
    ]


def some_order(chance: random.Random, products: Sequence[UUID], *, changes: bool) -> StandingOrder:
    start = some_day(chance, before=60)
    edges = sorted(chance.sample([FIRST + timedelta(days=n) for n in range(-5, 60)], 4))
    pauses: list[tuple[date, date | None]] = [(edges[0], edges[1]), (edges[2], chance.choice((edges[3], None)))]
    return StandingOrder(
        **some_rhythm(chance),
        default_quantity=Decimal(chance.randint(0, 5000)) / 1000,
        start_date=start,
        status=chance.choices(SUBSCRIPTION_STATUSES, (1, 20, 1, 1))[0],
        auto_start=chance.random() < 0.95,
        stop_date=chance.choice((None, None, start + timedelta(days=chance.randint(0, 120)))),
        pauses=pauses[: chance.choice((0, 0, 1, 2))],
        entries={
            some_day(chance): Entry(
                Decimal(chance.randint(0, 9)),
                chance.choice(("override", "irregular")),
                chance.choice((None, None, *SHIFTS)),
                some_moment(chance),
            )
            for _ in range(chance.randint(0, 6))
        },
        quantities={some_day(chance): Decimal(chance.randint(0, 9)) for _ in range(chance.randint(0, 2))},
        schedules=some_schedules(chance, products) if changes else (),
        held={some_day(chance) for _ in range(chance.choice((0, 0, 9)))},
    )


def write_closings(cursor: Any, closings: list[Closing]) -> None:
    cursor.execute(
        "INSERT INTO areas (id, name, parent_id) VALUES (%(town)s, 'town', NULL), (%(quarter)s, 'quarter', %(town)s),"
        " (%(street)s, 'street', %(quarter)s), (%(village)s, 'village', NULL)",
        {name: str(key) for name, key in AREAS.items()},
    )
    for each in closings:
        cursor.execute(
            "INSERT INTO closed_days (day, shift, area_id, reason, deliver_on, created_at)"
            " VALUES (%s, %s, %s, 'Festival', %s, %s)",
            (each.day, each.shift, each.area and str(each.area), each.deliver_on, each.made_at),
        )


def write_schedules(cursor: Any, subscription_id: str, schedules: Sequence[Schedule]) -> None:
    ends = [*[each.first for each in schedules[1:]], None][: len(schedules)]
    names = [
        "product_id",
        "mode",
        "default_quantity",
        "weekly_pattern",
        "weekly_quantities",
        "interval_days",
        "anchor_date",
        "shift",
    ]
    for each, end in zip(schedules, ends, strict=True):
        row = [str(each.product), *(getattr(each, name) for name in names[1:])]
        cursor.execute(
            f"INSERT INTO subscription_schedules (subscription_id, valid, {', '.join(names)})"
            f" VALUES (%s, daterange(%s, %s), {', '.join(['%s'] * len(row))})",
            (subscription_id, each.first, end, *row),
        )


def write(cursor: Any, product: str, customer: Household, wanted: StandingOrder) -> UUID:
    cursor.execute(
        "INSERT INTO customers (name, status, trial_start_date, area_id) VALUES ('x', %s, %s, %s) RETURNING id",
        (customer.status, customer.trial_start_date, str(next(iter(customer.areas))) if customer.areas else None),
    )
    ((customer_id,),) = cursor.fetchall()
    names = (
        "mode default_quantity start_date status auto_start stop_date weekly_pattern weekly_quantities interval_days"
        " anchor_date shift"
    )
    row = {name: getattr(wanted, name) for name in names.split()}
    cursor.execute(
        f"INSERT INTO subscriptions (customer_id, product_id, {', '.join(row)})"
        f" VALUES (%s, %s, {', '.join(['%s'] * len(row))}) RETURNING id",
        (customer_id, product, *row.values()),
    )
    ((made,),) = cursor.fetchall()
    for first, after in wanted.pauses:
        cursor.execute(
            "INSERT INTO subscription_pauses (subscription_id, period, channel)"
            " VALUES (%s, daterange(%s, %s), 'staff')",
            (made, first, after),
        )
    for day, entry in (wanted.entries or {}).items():
        cursor.execute(
            "INSERT INTO subscription_overrides (subscription_id, date, kind, quantity, shift, channel, updated_at)"
            " VALUES (%s, %s, %s, %s, %s, 'staff', %s)",
            (made, day, entry.kind, entry.quantity, entry.shift, entry.said_at),
        )
    for day, quantity in (wanted.quantities or {}).items():
        cursor.execute(
            "INSERT INTO subscription_quantities (subscription_id, valid_from, quantity, channel)"
            " VALUES (%s, %s, %s, 'staff')",
            (made, day, quantity),
        )
    write_schedules(cursor, made, wanted.schedules)
    for day in wanted.held:
        cursor.execute("INSERT INTO credit_holds VALUES (%s, %s, 60, 60, 0)", (made, day))
    return UUID(str(made))


@pytest.mark.slow
@pytest.mark.parametrize("changes", [False, True], ids=["nothing changes", "everything changes from a day on"])
@pytest.mark.parametrize("is_closed", [False, True], ids=["no day is closed", "many days are closed"])
def test_sql_and_python_agree_on_thousands_of_days(
    app: DairyFlask, dairy: Dairy, database_url: str, is_closed: bool, changes: bool
) -> None:
    product, chance = dairy.product()["id"], random.Random(20261122)
    products = [UUID(product), UUID(dairy.product()["id"])]
    known, closings = {}, some_closings(chance) if is_closed else []
    with raw_connection(database_url) as connection, connection.cursor() as cursor:
        write_closings(cursor, closings)
        for _ in range(PEOPLE):
            customer, wanted = some_household(chance), some_order(chance, products, changes=changes)
            known[write(cursor, product, customer, wanted)] = (customer, wanted)
        connection.commit()
    with app.database.transaction(read_only=True) as session:
        rows = session.execute(select(with_holds(due(days_from(FIRST, LAST))))).all()
    assert len(rows) == PEOPLE * len(days_between(FIRST, LAST)) > 10_000
    met = Counter()
    for row in rows:
        customer, wanted = known[row.subscription_id]
        said = decide(customer, wanted, row.day, closings)
        assert (row.quantity, row.rule) == (said.quantity, said.rule), (row, customer, wanted)
        assert row.product_id == (wanted.on(row.day).product or UUID(product))
        met[said.rule] += 1
    assert met.keys() == (RULES if is_closed else RULES - {"closed_day", "closed_day_moved"})
