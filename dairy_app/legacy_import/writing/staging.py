"""Temporary tables for the documents of one import, filled by COPY. They vanish at the end of the transaction.

A staging table has the fields of its row class, and the columns in which ``judging`` notes what it finds.
"""

import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple, get_type_hints
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from dairy_app.database.transactions import driver_cursor
from dairy_app.legacy_import.judging import quarantine
from dairy_app.legacy_import.reading.dumps import Dump
from dairy_app.legacy_import.shaping import areas as area_shapes
from dairy_app.legacy_import.shaping import money as money_shapes
from dairy_app.legacy_import.shaping import requests as request_shapes
from dairy_app.legacy_import.shaping import rows, shapes
from dairy_app.legacy_import.shaping import subscriptions as subscription_shapes
from dairy_app.legacy_import.shaping.staged import Document, spelt

#: Documents per COPY: memory stays the same however large a collection is.
CHUNK = 5000

_TYPES = {
    str: "text",
    int: "integer",
    bool: "boolean",
    UUID: "uuid",
    Decimal: "numeric",
    date: "date",
    datetime: "timestamptz",
    list[str]: "text[]",
}

#: What becomes of a document: written, present, copy, merged, quarantined, no_home or review (``report``).
_FATE = "fate text"


class Stage(NamedTuple):
    """A staging table: its name, the class of its rows, the columns judging fills, and its indexes."""

    table: str
    row: type[Any]
    judged: Sequence[str] = ()
    indexes: Sequence[str] = ()


USERS = Stage(
    "stage_users",
    rows.UserRow,
    [_FATE, "login_email text", "login_phone text"],
    ["id", "key", "object_id", "email", "phone", "customer_key"],
)
CUSTOMERS = Stage("stage_customers", rows.CustomerRow, [_FATE, "user_id uuid"], ["id", "key", "user_key", "phone"])
CUSTOMER_PRICES = Stage("stage_customer_prices", rows.CustomerPriceRow)
PRODUCTS = Stage("stage_products", rows.ProductRow, [_FATE], ["id", "key"])
ORDERS = Stage(
    "stage_orders",
    rows.OrderRow,
    [_FATE, "customer_id uuid", "subscription_id uuid", "final_status text", "stands_on text"],
    ["id", "key", "line"],
)
ITEMS = Stage("stage_items", rows.ItemRow, (), ["order_line"])
DELIVERIES = Stage("stage_deliveries", rows.DeliveryRow, [_FATE, "customer_id uuid"], ["id", "key", "order_key"])
DELIVERED = Stage("stage_delivered", rows.DeliveredRow, (), ["order_key"])
AREAS = Stage("stage_areas", rows.AreaRow, [_FATE], ["id", "key"])
ADDRESSES = Stage("stage_addresses", rows.AddressRow, [_FATE, "customer_id uuid"], ["id", "customer_id"])
LINKS = Stage("stage_links", rows.LinkRow, [_FATE, "maker_id uuid", "boy_id uuid", "area_id uuid"], ["id", "link_key"])
_FOUND = ("customer_id", "product_id", "subscription_id", "link_row", "asker_id", "decider_id")
REQUESTS = Stage(
    "stage_requests", rows.RequestRow, [_FATE, "payload jsonb", *(f"{name} uuid" for name in _FOUND)], ["id", "key"]
)
SETTINGS = Stage("stage_settings", rows.SettingsRow, [_FATE], ["id", "key"])
SUBSCRIPTIONS = Stage(
    "stage_subscriptions",
    rows.SubscriptionRow,
    [_FATE, "customer_id uuid", "product_id uuid", "order_quantity numeric", "order_price numeric"],
    ["id", "key", "line"],
)
ENTRIES = Stage("stage_entries", rows.EntryRow, (), ["subscription_line"])
SIDES = Stage(
    "stage_sides",
    rows.SideRow,
    [_FATE, "customer_id uuid", "subscription_id uuid", "product_id uuid", "order_price numeric"],
    ["id", "key"],
)
PAYMENTS = Stage("stage_payments", rows.PaymentRow, [_FATE, "customer_id uuid"], ["id", "key"])
BILLS = Stage("stage_bills", rows.BillRow, [_FATE, "order_id uuid"], ["id", "key"])
WALLETS = Stage("stage_wallets", rows.WalletRow, [_FATE, "customer_id uuid"], ["id", "key"])

#: Every staging table of documents, in the order of the report, and those of what stands within documents.
STAGES = (
    *(USERS, AREAS, CUSTOMERS, ADDRESSES, PRODUCTS, SUBSCRIPTIONS, SIDES, ORDERS, DELIVERIES),
    *(BILLS, PAYMENTS, WALLETS, SETTINGS, LINKS, REQUESTS),
)
PARTS = (CUSTOMER_PRICES, ENTRIES, ITEMS, DELIVERED)

Shape = Callable[[str, int, Document, tzinfo], Any]


#: What can be imported: a dump on disk, or what waits in quarantine.
Documents = Dump | quarantine.WaitingDocuments


class Source(NamedTuple):
    """How a collection is staged: its shape, where its rows go, and where the rows within a document go."""

    collection: str
    shape: Shape
    stage: Stage
    parts: Stage | None = None


#: The collections that are read, in this order; of one key in two collections the earlier one wins.
SOURCES = (
    Source("users", shapes.user, USERS),
    Source("delivery_boys_v2", area_shapes.delivery_boy, USERS),
    Source("delivery_boys", area_shapes.delivery_boy, USERS),
    Source("areas_v2", area_shapes.area, AREAS),
    Source("customers_v2", shapes.customer, CUSTOMERS, CUSTOMER_PRICES),
    Source("customers", shapes.customer, CUSTOMERS, CUSTOMER_PRICES),
    Source("addresses", area_shapes.address, ADDRESSES),
    Source("products", shapes.product, PRODUCTS),
    Source("subscriptions_v2", subscription_shapes.subscription, SUBSCRIPTIONS, ENTRIES),
    Source("subscriptions", subscription_shapes.subscription, SUBSCRIPTIONS, ENTRIES),
    Source("day_overrides", subscription_shapes.side, SIDES),
    Source("irregular_deliveries", subscription_shapes.side, SIDES),
    Source("delivery_pauses", subscription_shapes.side, SIDES),
    Source("shift_overrides", subscription_shapes.side, SIDES),
    Source("delivery_adjustments", subscription_shapes.side, SIDES),
    Source("delivery_stops", subscription_shapes.side, SIDES),
    Source("orders", shapes.order, ORDERS, ITEMS),
    Source("delivery_statuses", shapes.delivery, DELIVERIES, DELIVERED),
    Source("delivery_status", shapes.delivery, DELIVERIES, DELIVERED),
    Source("billing_records", money_shapes.bill, BILLS),
    Source("payment_transactions", money_shapes.payment, PAYMENTS),
    Source("wallets", money_shapes.wallet, WALLETS),
    Source("system_settings", area_shapes.settings, SETTINGS),
    Source("shared_delivery_links", request_shapes.link, LINKS),
    Source("product_requests", request_shapes.request, REQUESTS),
    Source("pause_requests", request_shapes.request, REQUESTS),
    Source("stop_requests", request_shapes.request, REQUESTS),
    Source("pending_approvals", request_shapes.request, REQUESTS),
)


def lock_import(session: Session) -> None:
    """Let one import work at a time, until its transaction ends."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('import-mongo'))"))


def may_stage(session: Session) -> bool:
    """Whether the role may make temporary tables."""
    return bool(session.scalar(text("SELECT has_database_privilege(current_database(), 'TEMPORARY')")))


def create(session: Session) -> None:
    """Make the staging tables, empty."""
    session.connection().exec_driver_sql(quarantine.RETRIED)
    for stage in (*STAGES, *PARTS):
        fields = [f"{name} {_type(hint)}" for name, hint in get_type_hints(stage.row).items()]
        columns = ", ".join([*fields, *stage.judged])
        connection = session.connection()
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {stage.table} ({columns}) ON COMMIT DROP")
        if "document" in stage.row._fields:
            # Out of line and as it is: judging updates the rows a few times, the documents stay where they are.
            connection.exec_driver_sql(
                f"ALTER TABLE {stage.table} ALTER document SET STORAGE EXTERNAL, SET (toast_tuple_target = 128)"
            )


def _type(hint: Any) -> str:
    return _TYPES[hint] if hint in _TYPES else _TYPES[hint.__args__[0]]


def load(session: Session, dump: Documents, zone: tzinfo, progress: Callable[[str, int], None]) -> dict[str, int]:
    """Stage every document of the dump that is read here; returns documents per collection.

    ``progress(collection, documents)`` is told after every chunk. Raises ``UnreadableDump``.
    """
    counts = {}
    begun: dict[str, int] = defaultdict(int)
    for source in SOURCES:
        line = begun[source.stage.table] * 100_000_000  # lines are unique over the collections of one table
        begun[source.stage.table] += 1
        documents = dump.documents(source.collection)
        counts[source.collection] = 0
        progress(source.collection, 0)
        while chunk := list(islice(documents, CHUNK)):
            _copy_documents(session, source, line + counts[source.collection], chunk, zone)
            counts[source.collection] += len(chunk)
            progress(source.collection, len(chunk))
    for stage in STAGES:
        quarantine.stand(session, stage.table)
    for stage in (*STAGES, *PARTS):
        _prepare(session, stage)
    return counts


def count_homeless(dump: Documents, progress: Callable[[str, int], None]) -> dict[str, int]:
    """Documents per collection of the dump that is not read here. Each is read to its end all the same.

    Raises ``UnreadableDump``.
    """
    known = {source.collection for source in SOURCES}
    counts = {}
    for collection in sorted(set(dump.files) - known):
        progress(collection, 0)
        counts[collection] = sum(1 for _ in dump.documents(collection))
        progress(collection, counts[collection])
    return counts


def _copy_documents(session: Session, source: Source, line: int, chunk: Sequence[Document], zone: tzinfo) -> None:
    whole, parts = [], []
    for at, document in enumerate(chunk, line + 1):
        shaped = source.shape(source.collection, at, spelt(document), zone)
        if source.parts is None:
            whole.append(shaped)
        else:
            whole.append(shaped[0])
            parts += shaped[1]
    copy(session, source.stage, whole)
    if source.parts is not None and parts:
        copy(session, source.parts, parts)


def _prepare(session: Session, stage: Stage) -> None:
    """Indexes and statistics: without them the planner takes a temporary table for a small one."""
    connection = session.connection()
    for column in stage.indexes:
        connection.exec_driver_sql(f"CREATE INDEX ON {stage.table} ({column})")
    connection.exec_driver_sql(f"ANALYZE {stage.table}")


def copy(session: Session, stage: Stage, values: Sequence[tuple[Any, ...]]) -> None:
    """Append rows to a staging table."""
    columns = ", ".join(stage.row._fields)
    text = "".join(_lines(values))
    with driver_cursor(session) as cursor:
        cursor.copy_expert(
            f"COPY {stage.table} ({columns}) FROM STDIN",
            io.BytesIO(text.encode("utf-8", "replace")),  # lone surrogates of a JSON file become "?"
        )


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _lines(values: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    for row in values:
        yield "\t".join([_field(value) for value in row]) + "\n"


def _list(values: list[str]) -> str:
    """An array as COPY reads it: quoted, and the quoting escaped once more for COPY itself."""
    quoted = (each.replace("\\", "\\\\").replace('"', '\\"') for each in values)
    return ("{" + ",".join(f'"{each}"' for each in quoted) + "}").translate(_ESCAPES)


def _field(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if isinstance(value, list):
        return _list(value)
    return str(value)
