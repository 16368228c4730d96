"""Standing orders of a file: a row names a product, or each product has a column of its own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.common.changes import UNSET
from dairy_app.importing.rules import cells
from dairy_app.importing.rules.cells import Unreadable
from dairy_app.importing.rules.columns import Product, product_called
from dairy_app.importing.rules.files import File, Row
from dairy_app.importing.service.taking import Asked, Taken, find_customers
from dairy_app.subscriptions.bulk.orders import hold_generation
from dairy_app.subscriptions.queries.beginnings import standing_orders_of
from dairy_app.subscriptions.rules.standing_orders import share_a_day
from dairy_app.subscriptions.rules.wishes import NewSubscription
from dairy_app.subscriptions.service.beginnings import Begun, begin_many, judge_many

#: Field of a standing order → the column that says it.
_COLUMNS = {"product_id": "product", "default_quantity": "quantity", "weekly_pattern": "weekdays",
            "weekly_quantities": "weekdays"}  # fmt: skip
#: Stopped ones are history.
_STATUSES: Mapping[str, tuple[str, ...]] = {"active": (), "paused": (), "draft": ()}
_LONGEST_INTERVAL = 365


@dataclass(frozen=True, slots=True)
class Wanted:
    """A standing order that a row wants; ``column``: where its quantity stands when it is a product's own."""

    line: int
    column: str | None
    order: NewSubscription

    def column_of(self, pointer: str) -> str:
        """The column of the file that says a field of the standing order."""
        field = pointer.strip("/").partition("/")[0]
        column = _COLUMNS.get(field, field)
        return self.column if self.column and column in ("product", "quantity") else column


@dataclass(frozen=True, slots=True)
class Settled:
    """What of the standing orders of a file will be written, and which there are already, by their ids."""

    new: Sequence[tuple[Wanted, Begun]]
    there: Sequence[tuple[Wanted, UUID]]


def take(session: Session, file: File, asked: Asked) -> Taken:
    """The standing orders of registered customers."""
    file.require(("customer_code", "phone"))
    if not any(each.product for each in file.columns):
        file.require(("product",), ("quantity",))
    if not asked.dry_run:
        hold_generation(session)  # before the customers are locked, as whoever changes a standing order
    whose = find_customers(session, file, asked)
    wanted = [
        each
        for row in file.rows
        for each in wanted_of(file, row, whose[row.line].id if row.line in whose else None, asked)
    ]
    stopped = {each.id: each.column for each in whose.values() if each.status == "stopped"}
    settled = settle(session, file, wanted, stopped, {each.id for each in whose.values()}, asked)
    if file.faults:
        return Taken()
    made = [] if asked.dry_run else begin_many(session, asked.actor, [each for _, each in settled.new])
    ids: list[tuple[int, UUID | None, bool]] = [(each.line, known, True) for each, known in settled.there]
    ids += [(each.line, made[place] if made else None, False) for place, (each, _) in enumerate(settled.new)]
    items = [
        {"line": line, "id": order_id, "code": whose[line].code, "skipped": is_there}
        for line, order_id, is_there in sorted(ids, key=lambda each: each[0])
    ]
    return Taken(len(settled.new), len(settled.there), standing_orders=len(settled.new), items=items)


def names_a_product(row: Row) -> bool:
    """Whether a row wants a standing order at all."""
    return bool(row.of_products) or "product" in row.cells or "quantity" in row.cells


def wanted_of(file: File, row: Row, customer_id: UUID | None, asked: Asked) -> list[Wanted]:
    """The standing orders that a row wants; what cannot be read is noted. None without a customer."""
    named: list[tuple[str | None, Product, Decimal | None, str | None]] = []
    for column, cell in row.of_products:
        assert column.product is not None and column.read_as is not None
        quantity = _quantity(file, row.line, column.read_as, cell, column.product)
        if quantity:
            named.append((column.read_as, column.product, quantity, column.shift))
    if "product" in row.cells:
        product = file.read(row, "product", lambda cell: product_called(cell, asked.products))
        if product is not None:
            quantity = None
            if "quantity" in row.cells:
                quantity = _quantity(file, row.line, "quantity", row.cells["quantity"], product)
            named.append((None, product, quantity, None))
    elif "quantity" in row.cells:
        file.refuse(row.line, "product", "required", "Say of which product this is the quantity.")
    if "price_per_unit" in row.cells and len(named) > 1:
        file.refuse(
            row.line, "price_per_unit", "ambiguous", "Of which product is this the price? Write a row for each."
        )
    fields = _fields(file, row)
    if customer_id is None:
        return []
    return [
        Wanted(
            row.line,
            column,
            NewSubscription(
                **{
                    **fields,
                    "product_id": product.id,
                    "customer_id": customer_id,
                    "shift": shift or fields["shift"],
                    "default_quantity": UNSET if quantity is None else quantity,
                    "confirm": asked.confirm,
                }
            ),
        )
        for column, product, quantity, shift in named
    ]


def _quantity(file: File, line: int, column: str, cell: str, product: Product) -> Decimal | None:
    try:
        return cells.quantity_of(cell, product.unit)
    except Unreadable as problem:
        file.refuse(line, column, problem.code, problem.detail)
        return None


def _fields(file: File, row: Row) -> dict[str, Any]:
    """What a row says of its standing orders beside product and quantity; every day, unless it names days."""
    said: dict[str, Any] = {
        "mode": file.read(row, "mode", lambda cell: cells.word_of(cell, cells.MODES)),
        **(file.read(row, "weekdays", _weekdays) or {}),
        "interval_days": file.read(row, "interval_days", _interval),
        "anchor_date": file.read(row, "anchor_date", cells.day_of),
        "shift": file.read(row, "shift", lambda cell: cells.word_of(cell, cells.SHIFTS)) or "morning",
        "price_per_unit": file.read(row, "price_per_unit", _price),
        "start_date": file.read(row, "start_date", cells.day_of),
        "stop_date": file.read(row, "stop_date", cells.day_of),
    }
    if file.kind == "standing-orders":
        said["status"] = file.read(row, "status", lambda cell: cells.word_of(cell, _STATUSES))
        begins = file.read(row, "auto_start", lambda cell: cells.word_of(cell, cells.YES_OR_NO))
        said["auto_start"] = None if begins is None else begins == "yes"
    if said["mode"] is None:
        weekly, spaced = "weekdays" in row.cells, said["interval_days"] is not None
        said["mode"] = "weekly_pattern" if weekly else "alternate_days" if spaced else "fixed_daily"
    return {name: value for name, value in said.items() if value is not None}


def _weekdays(cell: str) -> dict[str, Any]:
    """Weekdays with a quantity each, or with that of the row."""
    if ":" in cell:
        return {"weekly_quantities": cells.weekday_quantities_of(cell)}
    return {"weekly_pattern": cells.weekdays_of(cell)}


def _interval(cell: str) -> int:
    written = cells.whole(cell)
    if not (written.isascii() and written.isdigit() and 1 <= int(written[:9]) <= _LONGEST_INTERVAL):
        raise Unreadable("invalid", f"{cell} is no number of days from 1 to {_LONGEST_INTERVAL}.")
    return int(written)


def _price(cell: str) -> Decimal:
    price = cells.rupees_of(cell)
    if price < 0:
        raise Unreadable("invalid", f"{cell} is below 0.")
    return price


def settle(
    session: Session,
    file: File,
    wanted: Sequence[Wanted],
    stopped: Mapping[UUID, str],
    registered: Iterable[UUID],
    asked: Asked,
) -> Settled:
    """Judge the standing orders of a file: each for itself, beside the others, and beside those there are.

    ``stopped``: customers who get nothing, with the column that says who they are; ``registered``: those who may have
    standing orders already.
    """
    known: dict[UUID, list[tuple[Mapping[str, Any], int | UUID]]] = {}
    for order in standing_orders_of(session, registered):
        known.setdefault(order["customer_id"], []).append((dict(order), order["id"]))
    faulty = file.faulty()
    new: list[tuple[Wanted, Begun]] = []
    there: list[tuple[Wanted, UUID]] = []
    for each, begun in zip(wanted, judge_many(session, [each.order for each in wanted]), strict=True):
        customer_id = begun.row["customer_id"]
        if customer_id in stopped:
            file.refuse(each.line, stopped[customer_id], "customer_stopped", "The customer is stopped.")
            continue
        for error in begun.errors:
            file.refuse(each.line, each.column_of(error.pointer), error.code, error.detail)
        if each.line in faulty:  # what it would be the same as, nobody knows
            continue
        ours = known.setdefault(customer_id, [])
        same = next((place for other, place in ours if share_a_day(other, begun.row)), None)
        if same is None:
            ours.append((begun.row, each.line))
            new.append((each, begun))
        elif isinstance(same, int):
            told = f"Line {same} has the same product in the same shift." if same != each.line else "It is there twice."
            file.refuse(each.line, each.column_of("/product_id"), "duplicate", told)
        elif asked.skip:
            there.append((each, same))
        else:
            told = "The customer has a standing order of this product in this shift."
            file.refuse(each.line, each.column_of("/product_id"), "already_exists", told)
    return Settled(new, there)
