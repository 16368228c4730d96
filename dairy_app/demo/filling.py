"""Filling the sample dairy, step by step; every step can be interrupted and taken up again."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from dairy_app.billing.service import runs as service
from dairy_app.billing.service.runs import RunRequest
from dairy_app.business.queries import today
from dairy_app.business.service import SettingsChange, change_settings
from dairy_app.common.files import make_private_folder
from dairy_app.containers.rules import Empties
from dairy_app.database.transactions import Database
from dairy_app.deliveries.bulk import confirm_deliveries
from dairy_app.deliveries.rules import Confirmation, Confirmer, Scope
from dairy_app.demo import bulk, events, people, queries, sample
from dairy_app.demo.progress import Bars
from dairy_app.demo.state import State, write_state
from dairy_app.documents.service.documents import links_of
from dairy_app.exports.commands import export_to_file
from dairy_app.exports.files.downloads import download_of
from dairy_app.exports.rules import span_of
from dairy_app.settings import Settings
from dairy_app.sharing.service.links import NewLink, create_link
from dairy_app.subscriptions.service.generation import generate_due
from dairy_app.web.access import Role

#: When the first door of a morning is reached, and the seconds from one to the next.
FIRST_DOOR, NEXT_DOOR = time(5, 30), timedelta(seconds=40)


def begin(database: Database, customers: int, password: str, bars: Bars) -> State:
    """People, products and all orders, in one transaction: there is all of it or nothing."""
    bar = bars.bar("Customers and orders", customers + 1)
    with database.transaction() as session:
        state = State(day=today(session))
        assert state.day is not None
        first_day = queries.first_day_of(state.day)
        made = people.make_people(session, state.day, first_day, customers, password, bar)
        people.make_products(session, first_day)
        people.make_charge_rules(session, made, first_day)
        bulk.insert_subscriptions(session, made, first_day)
        bulk.insert_orders(session, made, first_day, state.day + timedelta(days=1))
        bar.advance()
    return state


def deliver(database: Database, before: date, bars: Bars) -> None:
    """Confirm what lies before ``before``, a transaction a day: as the delivery boys would have, that morning."""
    with database.transaction(read_only=True) as session:
        days = queries.open_days(session, before)
        zone = ZoneInfo(queries.time_zone(session))
    bar = bars.bar("Days delivered", len(days))
    for day in days:
        with database.transaction() as session:
            _deliver_day(session, day, zone)
        bar.advance()


def _deliver_day(session: Session, day: date, zone: ZoneInfo) -> None:
    orders = [(place, row) for place, row in enumerate(queries.open_orders(session, day))]
    orders.sort(key=lambda each: (str(each[1].delivery_boy_id), each[0]))
    seen: set[UUID] = set()
    for boy_id, stops in groupby(orders, key=lambda each: each[1].delivery_boy_id):
        moment = datetime.combine(day, FIRST_DOOR, zone)
        confirmations = []
        for place, row in stops:
            moment += NEXT_DOOR
            is_first = row.customer_id not in seen
            seen.add(row.customer_id)
            confirmations.append(_confirmation(row, day, place, moment, row.bottles if is_first else None))
        boy = Confirmer(boy_id, people.name_of(session, boy_id), "delivery_boy", "127.0.0.1", "dairy demo")
        verdicts = confirm_deliveries(session, confirmations, boy, Scope(delivery_boy_id=boy_id), at=moment)
        refused = {verdict.code for verdict in verdicts if verdict.outcome != "confirmed"}
        if refused:
            raise LookupError(f"the sample of {day} was refused: {refused}")


def _confirmation(row: Any, day: date, place: int, moment: datetime, bottles: Any) -> Confirmation:
    items = [(product, Decimal(quantity), unit) for product, quantity, unit in row.items]
    done = sample.outcome(day, place, items)
    at = None if done["status"] == "not_delivered" else moment
    forgotten = at is None or (place + day.day) % sample.FORGETFUL == 0
    back = [] if forgotten else [Empties(UUID(container), count) for container, count in bottles or []]
    return Confirmation(row.id, delivery_date=day, delivered_at=at, empties=back or None, **done)


def bill(database: Database, day: date, bars: Bars) -> None:
    """Issue the invoices of the months that had ended on ``day``; a month is paid before the next one is billed.

    Each as it would have been in its own time: until they are issued, no return of these months is filed.
    """
    month = queries.first_day_of(day)
    _file_returns(database, month - timedelta(days=1))
    while month < day.replace(day=1):
        period = month.strftime("%Y-%m")
        _bill_month(database, period, bars)
        _pay(database, period, day)
        month = (month + timedelta(days=31)).replace(day=1)
    _file_returns(database, None)


def happen(database: Database, day: date) -> None:
    """What the days bring beside deliveries; the bill that is made void is issued anew."""
    period = (day.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    boy = next(login.email for login in people.LOGINS if login.role is Role.DELIVERY_BOY)
    with database.transaction() as session:
        admin = people.actor_of(session, people.LOGINS[0].email)
        voided = events.happen(session, day, period, admin, people.actor_of(session, boy).user_id)
    if voided is not None:
        request = RunRequest(period, customer_ids=[voided], confirm=True)
        with database.transaction() as session:
            started = service.start_run(session, request, admin)
        service.carry_out(database, started.run.id, request, admin)


def _file_returns(database: Database, through: date | None) -> None:
    with database.transaction() as session:
        change_settings(session, SettingsChange(returns_filed_through=through))


def _pay(database: Database, period: str, day: date) -> None:
    """What customers paid for a month's invoices, in one transaction: all of it or nothing."""
    with database.transaction() as session:
        bulk.insert_payments(session, period, day, people.actor_of(session, "accountant@dairy.example").user_id)


def _bill_month(database: Database, period: str, bars: Bars) -> None:
    """One run for a month, however often this is called: a run that was cut short is taken up again.

    Also one that was killed a moment ago, which the service would give ten minutes: nobody else bills here.
    """
    request = RunRequest(period, confirm=True, idempotency_key=f"demo {period}")
    with database.transaction() as session:
        actor = people.actor_of(session, "accountant@dairy.example")
        started = service.start_run(session, request, actor)
    if started.run.status == "running":
        bar = bars.bar(f"Invoices of {period}", started.run.customers_total)
        service.carry_out(database, started.run.id, request, actor, lambda row: bar.reach(row.customers_done))


def finish(database: Database, state: State) -> State:
    """Record that the sample is whole."""
    ready = State(is_ready=True, day=state.day)
    with database.transaction() as session:
        write_state(session, ready)
    return ready


@dataclass(frozen=True, slots=True)
class Pages:
    """The tokens of what can be looked at without a login."""

    round_token: str
    bill_token: str


def open_pages(database: Database, settings: Settings) -> Pages:
    """Today's orders, made if no night has; links to the first delivery boy's round and to a bill that is open."""
    with database.transaction() as session:
        generate_due(session)
        bill = queries.open_bill(session, today(session))
        return Pages(_open_round(session), links_of(session, settings).token(bill))


def _open_round(session: Session) -> str:
    admin = people.actor_of(session, people.LOGINS[0].email)
    boy = next(login.email for login in people.LOGINS if login.role is Role.DELIVERY_BOY)
    wanted = NewLink(delivery_boy_id=people.actor_of(session, boy).user_id, expires_in_hours=24)
    return create_link(session, admin, wanted)[1]


def export_registers(database: Database, folder: Path, day: date) -> list[Path]:
    """The two registers of the months that had ended on ``day``; those that are there stay as they are."""
    make_private_folder(folder)
    span = span_of(None, queries.first_day_of(day), day.replace(day=1) - timedelta(days=1))
    files = []
    for name in ("invoice-register", "invoice-lines"):
        file = folder / f"{name}.csv"
        if not file.exists():
            export_to_file(database, download_of(name), span, file)
        files.append(file)
    return files
