"""A dairy of a chosen size, made by SQL in sets, the same every time.

CHECKs stay on; triggers that look at each row are off while past months are loaded, and what they would have refused
is looked for in one statement afterwards. For a superuser foreign keys are off, too, which halves the time: every key
is taken from the table to which it points. Autovacuum works while months are added, and is off when measuring begins.

Thirty orders a customer and month, every second one with a second item, 6.5 invoice lines a customer: a standing
order's milk and three extras on it, and one-time orders of other goods.
"""

import time as clock
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import time_machine

from benchmarks.databases import BenchDatabase
from benchmarks.processor import postmaster_of, tree_seconds
from dairy_app.accounts.rules.passwords import hash_password, use_cost
from dairy_app.billing.service.runs import RunRequest, carry_out, start_run
from dairy_app.database import migrations
from dairy_app.database.transactions import Database

PASSWORD = "only for measuring"
ADMIN = "admin@bench.example"
AREA_SIZE = 500
#: Customers of one helper.
ROUND_SIZE = 300
ORDERS = 30

_PEOPLE = """
UPDATE settings SET business_name = 'Bench Dairy', gstin = '27AAADE0001D1ZF', gst_scheme = 'regular', state_code = '27';
INSERT INTO users (name, email, role, password_hash)
SELECT 'Asha Admin', '{admin}', 'admin', '{password_hash}'
UNION ALL SELECT 'Boy ' || n, 'boy' || n || '@bench.example', 'delivery_boy', NULL FROM generate_series(1, {boys}) n;
INSERT INTO areas (name) SELECT 'Area ' || n FROM generate_series(0, ({customers} - 1) / {area_size}) n;
INSERT INTO products (sku, name, unit, hsn_code, is_packed, tax_class)
SELECT 'P' || n, name, unit, hsn, packed, class FROM (VALUES
    (0, 'Cow milk', 'litre', '0401', false, 'milk_fresh'), (1, 'Buffalo milk', 'litre', '0401', false, 'milk_fresh'),
    (2, 'Curd 400 g', 'packet', '0403', true, 'curd_packed'), (3, 'Ghee', 'kg', '0405', true, 'butter_ghee'),
    (4, 'Paneer 200 g', 'packet', '0406', true, 'paneer_packed'), (5, 'Butter', 'kg', '0405', true, 'butter_ghee'),
    (6, 'Buttermilk', 'packet', '0403', true, 'curd_packed'), (7, 'Toned milk', 'packet', '0401', true, 'milk_fresh')
) AS ware (n, name, unit, hsn, packed, class);
INSERT INTO product_prices (product_id, price, valid)
SELECT id, 40 + 7 * substr(sku, 2)::integer, daterange('2020-01-01', NULL) FROM products;
WITH boys AS (SELECT array_agg(id ORDER BY email) AS ids FROM users WHERE role = 'delivery_boy'),
    parts AS (SELECT array_agg(id ORDER BY length(name), name) AS ids FROM areas)
INSERT INTO customers (code, name, area_id, delivery_boy_id, stop_sequence, state_code, address_line1, city, phone)
SELECT 'C' || lpad(n::text, 7, '0'), 'Customer ' || n, parts.ids[1 + (n - 1) / {area_size}], boys.ids[1 + n % {boys}],
    n, '27', n || ', Milk Lane', 'Pune', '+91' || (7000000000 + n)
FROM generate_series(1, {customers}) n CROSS JOIN boys CROSS JOIN parts;
INSERT INTO subscriptions (customer_id, product_id, mode, default_quantity, start_date)
SELECT c.id, p.id, 'fixed_daily', 1.5, '2020-01-01'
FROM customers c JOIN products p ON p.sku = CASE WHEN right(c.code, 1) < '5' THEN 'P0' ELSE 'P1' END;
CREATE TABLE bench_queue (n bigint PRIMARY KEY, order_id uuid NOT NULL);
CREATE SEQUENCE bench_turn;
ANALYZE;
"""

_MONTH = """
SELECT set_config('session_replication_role', 'replica', false) WHERE current_setting('is_superuser') = 'on';
SET work_mem = '256MB';
BEGIN;
INSERT INTO invoices (customer_id, period_start, period_end) SELECT id, '{first}', '{last}' FROM customers;
CREATE TEMPORARY TABLE wanted ON COMMIT DROP AS
SELECT uuid7() AS id, c.id AS customer_id, d.id AS draft, c.delivery_boy_id, right(c.code, 1)::integer AS digit, k,
    CASE WHEN k <= 26 THEN s.id END AS subscription_id, s.product_id,
    date '{first}' + (k - 1) % {days} AS day
FROM customers c
JOIN subscriptions s ON s.customer_id = c.id
JOIN invoices d ON d.customer_id = c.id AND d.period_start = '{first}'
CROSS JOIN generate_series(1, {orders}) k
ORDER BY k, c.code;
INSERT INTO orders (id, customer_id, order_type, subscription_id, delivery_date, status, source, delivered_on,
    delivered_at, delivery_confirmed, invoice_id, payer_id)
SELECT id, customer_id, CASE WHEN subscription_id IS NULL THEN 'one_time' ELSE 'subscription' END, subscription_id,
    day, 'DELIVERED', 'generator', day, day + time '06:00', true, draft,
    customer_id FROM wanted;
INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price, price_source, delivered_quantity)
SELECT w.id, 1, p.id, 1.5, price.price, 'product', 1.5
FROM wanted w JOIN products p ON CASE WHEN w.subscription_id IS NULL THEN p.sku = 'P7' ELSE p.id = w.product_id END
JOIN product_prices price ON price.product_id = p.id;
INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price, price_source, delivered_quantity)
SELECT w.id, 2, p.id, 1, price.price, 'product', 1
FROM wanted w JOIN products p ON p.sku = 'P' || 2 + (w.k / 2 + w.digit) % 3 + CASE WHEN w.k > 26 THEN 1 ELSE 0 END
JOIN product_prices price ON price.product_id = p.id
WHERE w.k % 2 = 0;
INSERT INTO delivery_statuses (order_id, customer_id, delivery_date, status, delivered_at, delivery_boy_id,
    confirmed_by_user_id, confirmed_by_name, confirmed_at, confirmation_method)
SELECT id, customer_id, day, 'delivered', day + time '06:00', delivery_boy_id, delivery_boy_id, 'Boy',
    day + time '06:00', 'delivery_boy' FROM wanted;
COMMIT;
"""

#: What the triggers of orders and items would refuse, of every hundredth customer: all are made by the same statement.
_WRONG = """
SELECT count(*) FROM customers c JOIN orders o ON o.customer_id = c.id LEFT JOIN invoices d ON d.id = o.invoice_id
LEFT JOIN LATERAL (
    SELECT bool_and(item_status = 'full') AS is_full FROM order_items i WHERE i.order_id = o.id) i ON true
WHERE c.code LIKE '%%01' AND o.delivery_date BETWEEN %s AND %s
    AND (i.is_full IS NOT TRUE OR d.period_end < o.delivered_on OR d.status = 'void')
"""

#: Open orders of today in a queue, taken one by one; a draft of this month is there for each of their customers.
_OPEN = """
BEGIN;
TRUNCATE bench_queue;
ALTER SEQUENCE bench_turn RESTART;
INSERT INTO bench_queue SELECT n, uuid7() FROM generate_series(1, {count}) n;
WITH numbered AS (SELECT row_number() OVER (ORDER BY code) - 1 AS place, id, count(*) OVER () AS of FROM customers)
INSERT INTO orders (id, customer_id, delivery_date, source)
SELECT q.order_id, c.id, '{today}', 'staff' FROM bench_queue q JOIN numbered c ON c.place = q.n % c.of;
INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price, price_source)
SELECT q.order_id, line, p.id, 1, price.price, 'product'
FROM bench_queue q JOIN generate_series(1, 2) line ON line <= 1 + q.n % 2
JOIN products p ON p.sku = 'P' || line JOIN product_prices price ON price.product_id = p.id;
SELECT open_drafts(array_agg(customer_id), array_agg(date '{today}'))
FROM (SELECT DISTINCT customer_id FROM bench_queue q JOIN orders o ON o.id = q.order_id) c;
COMMIT;
VACUUM ANALYZE bench_queue;
"""


#: The server's own cleaning begins when it likes, and its CPU would be counted for whoever is measured then.
_QUIET = """
DO $$ DECLARE name regclass; BEGIN
    FOR name IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', name);
    END LOOP;
END $$;
"""


#: Seconds in which the server's own cleaning was at work; nothing where it does not count them (before PostgreSQL 18).
_CLEANED = """
SELECT sum((told ->> 'total_autovacuum_time')::float8 + (told ->> 'total_autoanalyze_time')::float8) / 1000
FROM (SELECT to_jsonb(s) AS told FROM pg_stat_user_tables s) s"""


@dataclass(frozen=True, slots=True)
class Growth:
    """A month of history: what issuing it took with ``orders_before`` behind it, and what it left."""

    period: str
    orders_before: int
    #: Of the run that issued it: seconds, and CPU seconds of Python and of PostgreSQL where somebody can say.
    seconds: float
    python: float
    postgres: float | None
    #: Afterwards: of the whole database, and of the server's cleaning since it was made.
    bytes: int
    cleaning_seconds: float | None


@dataclass(frozen=True, slots=True)
class Sample:
    """A built dairy: last month stands on drafts, months before it are issued."""

    database: BenchDatabase
    customers: int
    history: int
    today: date
    first: date
    last: date
    #: Of the months before the last one.
    growth: tuple[Growth, ...] = ()

    @property
    def period(self) -> str:
        return f"{self.first:%Y-%m}"

    @property
    def orders(self) -> int:
        return self.customers * ORDERS

    def is_open_in(self, database: BenchDatabase) -> bool:
        """Whether the last month still stands on drafts there, in the sample or in a copy of it."""
        return bool(database.value(
            "SELECT EXISTS (SELECT FROM invoices WHERE status = 'draft' AND period_end = %s)", self.last
        ))  # fmt: skip

    def open_orders(self, count: int) -> None:
        """Make ``count`` new open orders of today, in the queue from 1 on."""
        self.database.psql(_OPEN.format(count=count, today=self.today))


def build(
    database: BenchDatabase, customers: int, history: int, told: Callable[[Growth], None] = lambda _: None
) -> Sample:
    """Fill an empty database; ``told`` hears of each month that is issued."""
    migrations.upgrade(database.text)
    use_cost("cheapest")
    database.psql(_PEOPLE.format(
        customers=customers, area_size=AREA_SIZE, boys=max(1, round(customers / ROUND_SIZE)), admin=ADMIN,
        password_hash=hash_password(PASSWORD),
    ))  # fmt: skip
    today = database.value("SELECT (now() AT TIME ZONE time_zone)::date FROM settings")
    months, growth = _months_before(today, history + 1), list[Growth]()
    for number, (first, last) in enumerate(months[:-1]):
        _add_month(database, first, last)
        growth.append(_bill(database, first, last, orders_before=number * customers * ORDERS))
        told(growth[-1])
    _add_month(database, *months[-1])
    database.psql(_QUIET)
    database.psql("VACUUM ANALYZE;")
    return Sample(database, customers, history, today, *months[-1], tuple(growth))


def _months_before(day: date, count: int) -> list[tuple[date, date]]:
    months: list[tuple[date, date]] = []
    first = day.replace(day=1)
    for _ in range(count):
        last = first - timedelta(days=1)
        first = last.replace(day=1)
        months.insert(0, (first, last))
    return months


def _add_month(database: BenchDatabase, first: date, last: date) -> None:
    with database.without_triggers():
        database.psql(_MONTH.format(first=first, last=last, days=last.day, orders=ORDERS))
    database.psql("ANALYZE;")
    wrong = database.value(_WRONG, first, last)
    if wrong:
        raise AssertionError(f"{wrong} orders of the sample do not agree with their items or documents")


def _bill(database: BenchDatabase, first: date, last: date, orders_before: int) -> Growth:
    """Issue a month on the day after it: today it would be late, and what follows would be dated today, too."""
    request = RunRequest(f"{first:%Y-%m}", confirm=True)
    ours, postmaster = Database(database.text), postmaster_of(database)
    begin, python, postgres = clock.perf_counter(), clock.process_time(), tree_seconds(postmaster)
    with time_machine.travel(datetime.combine(last + timedelta(days=1), time(6), UTC), tick=True):
        run = ours.run(lambda session: start_run(session, request, None)).run
        carry_out(ours, run.id, request, None)
    ours.dispose()
    postgres_after = tree_seconds(postmaster)
    return Growth(
        request.period,
        orders_before,
        clock.perf_counter() - begin,
        clock.process_time() - python,
        None if postgres is None or postgres_after is None else postgres_after - postgres,
        database.value("SELECT pg_database_size(current_database())"),
        database.value(_CLEANED),
    )
