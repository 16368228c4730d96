"""What the holder of a link does: unlock it, look at the round, confirm deliveries, ask for changes.

Every use is recorded, refused ones too; so a refusal is returned, not raised, for the view to commit. Judged in this
order on every verb: unknown, too fast, revoked, expired, PIN, scope. Uses of one link stand in line at its row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from dairy_app.accounts.rules.passwords import is_password
from dairy_app.accounts.service import throttle
from dairy_app.business.queries import business_settings, today
from dairy_app.common.clock import now
from dairy_app.common.errors import Problem, invalid
from dairy_app.customers.queries import followed
from dairy_app.database.audit import Attribution
from dairy_app.deliveries.queries import round_view
from dairy_app.deliveries.rules import LONGEST_DEVICE, Confirmation, Confirmer, Scope, Unread
from dairy_app.deliveries.service.confirmations import confirm_batch
from dairy_app.orders.rules import is_orderable
from dairy_app.photos import service as photos
from dairy_app.photos.store import PhotoFiles
from dairy_app.receivables.models import Payment
from dairy_app.receivables.queries.cash import cash_of_day
from dairy_app.receivables.queries.ledger import balances
from dairy_app.receivables.rules import DoorCash
from dairy_app.receivables.service import payments
from dairy_app.sharing import bulk, queries
from dairy_app.sharing.models import ChangeRequest
from dairy_app.sharing.rules import links as rules
from dairy_app.sharing.service import passes
from dairy_app.sharing.service.links import hash_of

#: Does what only reads with a session of its choice.
Reading = Callable[[Callable[[Session], dict[str, object]]], dict[str, object]]

_ENDED = {"revoked": "link_revoked", "expired": "link_expired"}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who holds a link: what they show, and where they come from."""

    token: str = field(repr=False)
    #: The pass of an unlocked link.
    shown: str | None = field(repr=False)
    caller: throttle.Caller
    #: What the audit log shall say, except for the link.
    occasion: Attribution
    #: The application's secret, which passes are made with.
    secret: str = field(repr=False)

    @property
    def device(self) -> str | None:
        """The caller's program; what PostgreSQL cannot hold is left out."""
        return (self.caller.user_agent or "").replace("\0", "")[:LONGEST_DEVICE] or None


@dataclass(frozen=True, slots=True)
class Visit:
    """An open link in use: its row, locked; the visitor; the moment."""

    session: Session
    link: Any
    visitor: Visitor
    moment: datetime

    def record(self, action: str, result: str, order_id: UUID | None = None) -> None:
        """Note this use of the link."""
        address, device = self.visitor.caller.address, self.visitor.device
        bulk.record_use(self.session, self.link.id, self.moment, action, result, address, device, order_id)

    def confirmer(self) -> Confirmer:
        """Who holds the link, as one who says what happened at a door."""
        return Confirmer(
            user_id=None,
            name=self.link.name,
            method="shared_link",
            ip=self.visitor.caller.address,
            device=self.visitor.device,
            shared_link_id=self.link.id,
        )

    def refuse(self, action: str, problem: Problem) -> Problem:
        """Note this use as refused."""
        self.record(action, problem.code)
        return problem

    def scope(self, day: date | None = None) -> Scope:
        """The orders the link reaches; on one day of it, when named."""
        first, last = rules.days_of(self.link.link_date, today(self.session))
        return Scope(
            delivery_boy_id=self.link.delivery_boy_id,
            area_id=self.link.area_id,
            first_day=day or first,
            last_day=day or last,
            shift=self.link.shift,
        )


def show_round(session: Session, visitor: Visitor, day: date | None, read: Reading) -> dict[str, Any] | Problem:
    """The round of one day: the link's date; for a rolling one today, or yesterday when asked.

    ``read`` reads it, where it may lag; the link is judged, and its use noted, by ``session``. Refused with
    validation_failed for any other day.
    """
    visit = _open(session, visitor, "round")
    if isinstance(visit, Problem):
        return visit
    first, last = rules.days_of(visit.link.link_date, today(session))
    day = day or last
    if not first <= day <= last:
        return visit.refuse("round", invalid("/query/date", f"The link is for {last}."))
    visit.record("round", "ok")
    return read(lambda reader: _shown(replace(visit, session=reader), day))


def _shown(visit: Visit, day: date) -> dict[str, Any]:
    session = visit.session
    round_ = round_view(session, visit.scope(day))
    shown = rules.for_the_door(round_, owed_at(session, rules.customers_of(round_)))
    extra = {"extra_products": queries.products_on_sale(session)} if _takes_extras(session) else {}
    return {"name": visit.link.name, **rules.with_cash(shown, _cash_of(visit, day)), **extra}


def _takes_cash(visit: Visit) -> bool:
    """Whether cash may be noted over the link: somebody must be there who owes it to the dairy."""
    return visit.link.delivery_boy_id is not None and business_settings(visit.session).cash_over_links


def _cash_of(visit: Visit, day: date) -> Mapping[UUID, Decimal] | None:
    return cash_of_day(visit.session, visit.link.delivery_boy_id, day) if _takes_cash(visit) else None


def _takes_extras(session: Session) -> bool:
    """Whether the holder of a link may confirm what nobody ordered."""
    return business_settings(session).door_extras == "staff_and_links"


def owed_at(session: Session, customer_ids: Sequence[UUID]) -> Mapping[UUID, Decimal] | None:
    """What the customers of a round owe, in rupees; None where the dairy does not want it to be shown."""
    return balances(session, customer_ids) if business_settings(session).show_due_at_door else None


def confirm(session: Session, visitor: Visitor, batch: Sequence[Confirmation | Unread]) -> dict[str, Any] | Problem:
    """Confirm deliveries by the rules of ``deliveries.service.confirm_batch``, within the link's scope; its answer."""
    orders = [each.order_id for each in batch]
    visit = _open(session, visitor, "confirm", rules.cost_of_confirmations(orders))
    if isinstance(visit, Problem):
        return visit
    caller, link = visitor.caller, visit.link
    done = confirm_batch(session, visit.confirmer(), visit.scope(), batch)
    bulk.record_confirmations(session, link.id, visit.moment, done["results"], caller.address, visitor.device)
    return done


def take_photo(
    session: Session, visitor: Visitor, files: PhotoFiles, order_id: UUID, sent: bytes
) -> tuple[dict[str, Any], bool] | Problem:
    """Keep a photo of an order of the link's round, by the rules of ``photos.service.take_photo``; and whether it was
    here before. Whoever holds the link adds photos and sees none."""
    visit = _open(session, visitor, "photo", rules.COST_OF_REQUEST)
    if isinstance(visit, Problem):
        return visit
    try:
        photo, replayed = photos.take_photo(session, files, visit.confirmer(), visit.scope(), order_id, sent)
    except Problem as problem:
        return visit.refuse("photo", problem)
    visit.record("photo", "replayed" if replayed else "ok", order_id)
    return photo, replayed


def unlock(session: Session, visitor: Visitor, pin: str) -> tuple[str, datetime] | Problem:
    """The pass for a right PIN, and until when it is good. A link without a PIN takes any.

    Refused with wrong_pin; rate_limited, with Retry-After, while the link is locked: after five wrong ones in a row for
    a quarter of an hour, after five more for twice as long, and so on to a day. A right one begins anew.
    """
    visit = _open(session, visitor, "unlock")
    if isinstance(visit, Problem):
        return visit
    link = visit.link
    if link.locked_until is not None and visit.moment < link.locked_until:
        return visit.refuse("unlock", _too_fast(link.locked_until - visit.moment))
    right = link.pin_hash is None or is_password(pin, link.pin_hash)
    failed = 0 if right else link.failed_attempts + 1
    lock = None if right else rules.lock_after(failed)
    bulk.record_pins(session, link.id, failed, visit.moment + lock if lock else None)
    if not right:
        return visit.refuse("unlock", Problem("wrong_pin"))
    visit.record("unlock", "ok")
    return passes.pass_for(visitor.secret, link), link.expires_at


def ask(session: Session, visitor: Visitor, wanted: rules.NewRequest) -> tuple[ChangeRequest, bool] | Problem:
    """A change asked for at a door of the round, and whether it had been asked for before (nothing changes then).

    Refused with customer_not_found for a customer who is not on the round, subscription_not_found, product_not_found,
    already_exists (the client_event_id was used for another one).
    """
    visit = _open(session, visitor, "request", rules.COST_OF_REQUEST)
    if isinstance(visit, Problem):
        return visit
    wanted = replace(wanted, customer_id=followed(session, wanted.customer_id))
    refused = _unknown_in(visit, wanted)
    if refused is not None:
        return visit.refuse("request", refused)
    found, made = _asked_once(session, _row(visit, wanted))
    if found is None:
        return visit.refuse("request", Problem("already_exists", "The client_event_id was used for another request."))
    visit.record("request", "ok" if made else "replayed")
    return found, not made


def take_cash(session: Session, visitor: Visitor, wanted: rules.CashTaken) -> tuple[Payment, bool] | Problem:
    """Note cash that was taken at a door of the round, and whether it was noted before (nothing changes then).

    It is the delivery boy's to hand over. What is noted is a repeat, whatever changed since. Refused with forbidden
    where the dairy does not want it (setting ``cash_over_links``, or a link to an area), customer_not_found for a
    customer who is not on the round, and what ``receivables.service.payments.take_cash`` raises.
    """
    visit = _open(session, visitor, "payment", rules.COST_OF_REQUEST)
    if isinstance(visit, Problem):
        return visit
    try:
        payment, replayed = _taken(visit, wanted)
    except Problem as problem:
        return visit.refuse("payment", problem)
    visit.record("payment", "replayed" if replayed else "ok")
    return payment, replayed


def _taken(visit: Visit, wanted: rules.CashTaken) -> tuple[Payment, bool]:
    session = visit.session
    taken = DoorCash(
        customer_id=followed(session, wanted.customer_id),
        amount=wanted.amount,
        received_on=_day_of_cash(visit, wanted.taken_at),
        client_event_id=wanted.client_event_id,
        collected_by=visit.link.delivery_boy_id,
        shared_link_id=visit.link.id,
    )
    known = payments.cash_noted(session, taken)
    if known is not None:
        return known, True
    if not _takes_cash(visit):
        raise Problem("forbidden", "Cash is not noted over this link.")
    if not queries.is_customer_in_scope(session, visit.scope(), taken.customer_id):
        raise Problem("customer_not_found")
    return payments.take_cash(session, taken)


def _day_of_cash(visit: Visit, taken_at: datetime | None) -> date:
    """The day on which the cash was taken, if the link reaches it and its books are open; else today."""
    settings, current = business_settings(visit.session), today(visit.session)
    if taken_at is None:
        return current
    day = taken_at.astimezone(ZoneInfo(settings.time_zone)).date()
    first, _ = rules.days_of(visit.link.link_date, current)
    closed = settings.books_closed_through
    return day if first <= day <= current and (closed is None or day > closed) else current


def _row(visit: Visit, wanted: rules.NewRequest) -> dict[str, Any]:
    """The row of ``change_requests``."""
    row = {
        name: getattr(wanted, name) for name in ("kind", "customer_id", "subscription_id", "note", "client_event_id")
    }
    payload = rules.payload_of(wanted.kind, rules.completed(wanted.kind, rules.said_in(wanted), visit.link.shift))
    return {**row, "payload": payload, "asked_by_link_id": visit.link.id, "created_at": visit.moment}


def _asked_once(session: Session, row: Mapping[str, Any]) -> tuple[ChangeRequest | None, bool]:
    """The request, and whether it is new; None when its client_event_id stands for another one."""
    for _ in range(2):  # what stood in the way may just have been decided
        made = bulk.insert_request(session, row)
        if made is not None:
            return made, True
        found = queries.same_request(session, row)
        if found is not None:
            same = all(getattr(found, name) == row[name] for name in ("kind", "customer_id", "payload"))
            return (found if same else None), False
    return None, False


def _unknown_in(visit: Visit, wanted: rules.NewRequest) -> Problem | None:
    """What a request names that the link does not reach, or that does not exist."""
    if not queries.is_customer_in_scope(visit.session, visit.scope(), wanted.customer_id):
        return Problem("customer_not_found")
    subscription_id, said = wanted.subscription_id, rules.said_in(wanted)
    if subscription_id and not queries.is_subscription_of(visit.session, subscription_id, wanted.customer_id):
        return Problem("subscription_not_found")
    day = said.get("delivery_date")
    if day is not None and not is_orderable(day, today(visit.session)):
        return invalid("/delivery_date", "Must be from today to 90 days ahead.")
    products = {item["product_id"] for item in said.get("items", [])}
    if queries.known_products(visit.session, products) < len(products):
        return Problem("product_not_found")
    return None


def _open(session: Session, visitor: Visitor, action: str, cost: int = 1) -> Visit | Problem:
    """The link behind a token, if it may be used now. A refusal is recorded; rate_limited is raised."""
    moment = now()
    link = bulk.spend(session, hash_of(visitor.token), cost, moment, visitor.occasion)
    if link is None:
        attempt = throttle.begin(session, "shared_link", visitor.token, visitor.caller)
        throttle.failed(session, attempt)
        return Problem("link_not_found")
    if link.window_cost > rules.MOST_PER_WINDOW:
        raise _too_fast(link.window_started_at + rules.WINDOW - moment)
    visit = Visit(session, link, visitor, moment)
    state = rules.state_of(moment, expires_at=link.expires_at, revoked_at=link.revoked_at, locked_until=None)
    if state != "active":
        return visit.refuse(action, Problem(_ENDED[state]))
    if action != "unlock" and not passes.is_pass(visitor.secret, link, visitor.shown):
        return visit.refuse(action, Problem("pin_required"))
    return visit


def _too_fast(left: timedelta) -> Problem:
    seconds = max(1, ceil(left.total_seconds()))
    return Problem("rate_limited", f"Try again in {seconds} s.", headers={"Retry-After": str(seconds)})
