"""What one value of the earlier system means."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from bson import Decimal128, Int64, ObjectId
from bson.datetime_ms import DatetimeMS
from hypothesis import given
from hypothesis import strategies as st

from dairy_app.legacy_import import rules

INDIA = ZoneInfo("Asia/Kolkata")
NAN = float("nan")


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({"id": "cust-001", "_id": ObjectId("6a8bbb40cc3972351c2f3e11")}, "cust-001"),
        ({"id": "", "_id": ObjectId("6a8bbb40cc3972351c2f3e11")}, "6a8bbb40cc3972351c2f3e11"),
        ({"id": 7, "_id": ObjectId("6a8bbb40cc3972351c2f3e11")}, "6a8bbb40cc3972351c2f3e11"),
        ({"id": None, "_id": "text"}, "text"),
        ({"name": "no key at all"}, None),
    ],
)
def test_a_documents_key_is_its_id_else_its_object_id(document, key):
    assert rules.key_of(document) == key


def test_a_uuid_stays_the_primary_key_and_any_other_key_derives_one_per_collection():
    written = "cf811bea-4a5f-427c-8176-af3df7e697f2"
    assert rules.row_id("orders", written) == UUID(written)
    assert rules.row_id("orders", written.upper()) == UUID(written)
    derived = rules.row_id("orders", f"ord_{written}")
    assert derived == UUID("97d064f0-d178-525c-acb1-bfee22169534")  # never changes: it finds earlier imports
    assert derived != rules.row_id("customers_v2", f"ord_{written}")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("9000050709", "+919000050709"),
        ("9000050709.0", "+919000050709"),
        (9000050709.0, "+919000050709"),
        (Int64(9000050709), "+919000050709"),
        ("+91 9000029723", "+919000029723"),
        ("+91-9000004319", "+919000004319"),
        ("91 90000 04319", "+919000004319"),
        ("0091 9000004319", "+919000004319"),
        ("09000004319", "+919000004319"),
        ("9100001234", "+919100001234"),  # ten digits that begin with 91 have no country code
        ("+1 415 555 0100", "+14155550100"),
        ("12345", None),
        ("9000004319 / 9000004320", None),
        ("none", None),
        ("", None),
        (None, None),
        (True, None),
    ],
)
def test_phones_become_e164(written, read):
    assert rules.phone(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (" Raj@Example.COM ", "raj@example.com"),
        ("9000003080.0@customer.earlybird.com", "9000003080.0@customer.earlybird.com"),
        ("raj@localhost", None),
        ("raj at example.com", None),
        ("a b@example.com", None),
        (None, None),
    ],
)
def test_emails_are_lower_case(written, read):
    assert rules.email(written) == read


@pytest.mark.parametrize(
    ("address", "made_up"),
    [
        ("customer-cf811bea@earlybird.local", True),
        ("9000003080.0@customer.earlybird.com", True),
        ("raj@earlybird.com", False),
        ("customer.service@example.com", False),
    ],
)
def test_addresses_that_the_earlier_system_made_up_are_known(address, made_up):
    assert rules.is_synthetic(address) is made_up


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("DELIVERED", "delivered"),
        (" Out For-Delivery ", "out_for_delivery"),
        ("Canceled", "cancelled"),
        ("Marketing", "marketing_staff"),
        ("churned", "stopped"),
        ("banana", "banana"),
        ("", None),
        (None, None),
        (5, "5"),
    ],
)
def test_words_are_folded(written, read):
    assert rules.fold(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (750, "750.00"),
        (750.0, "750.00"),
        (Int64(750), "750.00"),
        ("58.5", "58.50"),
        (0.30000000000000004, "0.30"),
        (1.005, "1.01"),  # the written decimal, not the binary float below it
        (Decimal128("92.75"), "92.75"),
        (-75.0, "-75.00"),
    ],
)
def test_money_is_the_decimal_that_was_written(written, read):
    assert rules.money(written) == Decimal(read)
    assert rules.money(written).as_tuple().exponent == -2


@pytest.mark.parametrize(
    "written", [NAN, "NaN", float("inf"), True, None, "ten", "", [1], 1e11, Decimal128("Infinity")]
)
def test_what_is_no_sum_of_money_is_not_read(written):
    assert rules.money(written) is None


@pytest.mark.parametrize(
    ("written", "read"),
    [(2, "2"), (0.5, "0.5"), ("1.2345", "1.235"), (0.1 + 0.2, "0.3"), (NAN, None), (1e8, None), (None, None)],
)
def test_quantities_have_three_decimals(written, read):
    assert rules.quantity(written) == (None if read is None else Decimal(read))


@given(st.one_of(st.text(), st.floats(), st.integers(), st.binary(), st.booleans(), st.none()))
def test_no_value_makes_a_rule_fail(value):
    for rule in (
        rules.phone,
        rules.email,
        rules.fold,
        rules.money,
        rules.quantity,
        rules.unit,
        rules.reference,
    ):
        rule(value)
    rules.day(value, INDIA)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_number_is_finite_and_has_at_most_twelve_decimals_where_money_can_be(value):
    read = rules.number(str(value))
    assert read is not None and read.is_finite()
    assert rules.money(value) is None or abs(read - value) <= Decimal("1e-12")


@pytest.mark.parametrize(("value", "true"), [(True, True), ("true", True), (" True ", True), (1, False),
                                             (None, False), (False, False), ("false", False)])  # fmt: skip
def test_billed_is_true_or_the_text_true(value, true):
    assert rules.is_true(value) is true


@pytest.mark.parametrize(
    ("written", "zone", "instant"),
    [
        ("2026-09-30T23:50:00", INDIA, datetime(2026, 9, 30, 18, 20, tzinfo=UTC)),
        ("2026-09-30T18:20:00", UTC, datetime(2026, 9, 30, 18, 20, tzinfo=UTC)),
        ("2026-09-30T18:20:00.000Z", INDIA, datetime(2026, 9, 30, 18, 20, tzinfo=UTC)),
        ("2026-09-30T23:50:00+05:30", UTC, datetime(2026, 9, 30, 18, 20, tzinfo=UTC)),
        (datetime(2026, 9, 30, 18, 20, tzinfo=UTC), INDIA, datetime(2026, 9, 30, 18, 20, tzinfo=UTC)),
        (datetime(2026, 9, 30, 23, 50, tzinfo=INDIA), UTC, datetime(2026, 9, 30, 18, 20, tzinfo=UTC)),
        ("2026-08-24", INDIA, datetime(2026, 8, 23, 18, 30, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_instants_without_offset_are_wall_time_of_the_zone(written, zone, instant):
    assert rules.instant(written, zone) == instant


@pytest.mark.parametrize(
    "written",
    [
        "yesterday",
        "30/09/2026",
        "",
        None,
        1759000000,
        "0026-09-30T10:00:00",
        "2926-09-30",
        DatetimeMS(10**17),
    ],
)
def test_what_is_no_date_of_a_dairy_is_not_read(written):
    assert rules.instant(written, INDIA) is None
    assert rules.day(written, INDIA) is None


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-09-30", date(2026, 9, 30)),
        ("2026-09-30T23:59:59.999999", date(2026, 9, 30)),
        ("2026-09-30T18:29:59Z", date(2026, 9, 30)),
        ("2026-09-30T18:30:00Z", date(2026, 10, 1)),
        (datetime(2026, 9, 30, 19, tzinfo=UTC), date(2026, 10, 1)),
        ("2026-02-30", None),
    ],
)
def test_the_day_is_the_dairys_day(written, day):
    assert rules.day(written, INDIA) == day


HASH = "$2b$12$alOAXutRFmuPhOnjm29f.e98YTIc6BZilaL1hrLyhA/r1dbXE7Uoy"


@pytest.mark.parametrize(
    ("document", "kept"),
    [
        ({"password_hash": HASH}, HASH),
        ({"password": HASH}, HASH),
        ({"password": HASH.replace("$2b", "$2a"), "password_hash": None}, HASH.replace("$2b", "$2a")),
        ({"password_hash": HASH, "password": HASH.replace("alOA", "alOB")}, HASH),
        ({"password_hash": "5e" * 32, "password": HASH}, HASH),
        ({"password_hash": "5e" * 32}, None),
        ({"password": "customer123"}, None),
        ({"password": "$2b$12$" + "a" * 53}, None),  # no bcrypt salt ends in "a": verifying it fails
        ({"password_hash": "$2b$12$" + "a" * 53, "password": HASH}, HASH),
        ({}, None),
    ],
)
def test_only_bcrypt_hashes_are_kept(document, kept):
    assert rules.bcrypt_hash(document) == kept


@pytest.mark.parametrize(
    ("written", "unit", "size"),
    [
        ("Liter", "litre", None),
        ("L", "litre", None),
        ("kg", "kg", None),
        ("dozen", "dozen", None),
        ("Tin", "piece", None),
        ("500g", "packet", "0.5"),
        ("500 ml", "packet", "0.5"),
        ("1.5L", "packet", "1.5"),
        ("2 kg", "packet", "2"),
        ("fathom", None, None),
        (None, None, None),
    ],
)
def test_units(written, unit, size):
    assert rules.unit(written) == (unit, None if size is None else Decimal(size))
