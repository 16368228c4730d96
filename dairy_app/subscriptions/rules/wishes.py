"""What may be asked of a standing order: the objects that the schemas make and the services take."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from dairy_app.common.changes import UNSET, Unset


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """What a new standing order and a change of one may say; what is UNSET, the table or the old row says.

    ``confirm``: an unusual quantity, said by an admin, or one more of the same is meant.
    """

    default_quantity: Decimal | Unset = UNSET
    weekly_pattern: Sequence[int] | Unset = UNSET
    weekly_quantities: Sequence[Decimal] | Unset | None = UNSET
    interval_days: int | Unset = UNSET
    anchor_date: date | Unset = UNSET
    price_per_unit: Decimal | Unset | None = UNSET
    stop_date: date | Unset | None = UNSET
    auto_start: bool | Unset = UNSET
    channel: str | Unset = UNSET
    confirm: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubscription(Rhythm):
    """A standing order that is wanted: one product in one shift. Without ``customer_id`` the caller's own."""

    product_id: UUID
    mode: str
    shift: str = "morning"
    customer_id: UUID | Unset = UNSET
    start_date: date | Unset = UNSET
    status: str | Unset = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionChange(Rhythm):
    """What shall be different in a standing order; what is UNSET stays as it is."""

    mode: str | Unset = UNSET
    shift: str | Unset = UNSET
    start_date: date | Unset = UNSET
    status: str | Unset = UNSET
    effective_from: date | Unset = UNSET
    reason: str | Unset = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleChange:
    """What shall be different in a standing order from the day ``first`` on; what is UNSET stays as it is by then.

    ``weekly_quantities``: of each weekday, Monday first. ``replace_later``: later changes give way to this one.
    """

    first: date
    product_id: UUID | Unset = UNSET
    mode: str | Unset = UNSET
    default_quantity: Decimal | Unset = UNSET
    weekly_pattern: Sequence[int] | Unset = UNSET
    weekly_quantities: Sequence[Decimal] | Unset | None = UNSET
    interval_days: int | Unset = UNSET
    anchor_date: date | Unset = UNSET
    shift: str | Unset = UNSET
    price_per_unit: Decimal | Unset | None = UNSET
    reason: str | Unset = UNSET
    channel: str | Unset = UNSET
    replace_later: bool = False
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class DayQuantity:
    """What comes on one day; 0 is a quantity. Without ``shift`` in the standing order's."""

    quantity: Decimal
    kind: str = "override"
    shift: str | None = None
    note: str | None = None
    channel: str | None = None
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class NewPause:
    """Nothing comes from ``first`` to ``last``, both included; ``last`` None: until somebody resumes."""

    first: date
    last: date | None = None
    reason: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """That a standing order ends. ``stop_date``: the first day nothing comes; None: the first open one."""

    stop_date: date | None = None
    reason: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseChange:
    """What shall be different in a pause; ``last`` None: until somebody resumes."""

    first: date | Unset = UNSET
    last: date | Unset | None = UNSET
    reason: str | Unset = UNSET


@dataclass(frozen=True, slots=True)
class NewClosedDay:
    """A day on which nothing shall be brought; ``shift`` None: both, ``area_id`` None: the whole dairy.

    ``deliver_on`` gets its quantities; ``leave_out``: who has his delivery already, or will get it, keeps it.
    """

    day: date
    reason: str
    shift: str | None = None
    area_id: UUID | None = None
    deliver_on: date | None = None
    leave_out: bool = False
