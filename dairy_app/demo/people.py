"""The people, products and prices of the sample dairy, through the services that the API uses."""

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from dairy_app.accounts.models import User
from dairy_app.accounts.service import users as accounts
from dairy_app.accounts.service.throttle import Caller
from dairy_app.billing.service.charges import NewChargeRule, add_charge_rule
from dairy_app.business.service import SettingsChange, change_settings
from dairy_app.catalogue import service as catalogue
from dairy_app.containers.rules import NewContainer
from dairy_app.containers.service import create_container
from dairy_app.customers.models import Area
from dairy_app.customers.service import customers
from dairy_app.demo import sample
from dairy_app.demo.progress import Bar
from dairy_app.demo.state import State
from dairy_app.web.access import Actor, Role


@dataclass(frozen=True, slots=True)
class Login:
    """One who can log in; the password is the same for all of the sample's."""

    role: Role
    name: str
    email: str


LOGINS = (
    Login(Role.ADMIN, "Asha Admin", "admin@dairy.example"),
    Login(Role.ACCOUNTANT, "Anant Accountant", "accountant@dairy.example"),
    *(Login(Role.DELIVERY_BOY, name, f"{name.split()[0].lower()}@dairy.example") for name in sample.BOYS),
    Login(Role.MARKETING_STAFF, "Mira Marketing", "marketing@dairy.example"),
)
#: The first customer has an address to log in with; the others were only invited.
CUSTOMER_EMAIL = "customer@dairy.example"


def secret_key(data_dir: Path) -> tuple[str, bool]:
    """The sample's own key, and whether it was made just now. Kept in the data folder, for its owner only."""
    file = data_dir / "demo-secret-key"
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        known = file.read_text().strip()
        if known:
            return known, False
        handle = os.open(file, os.O_WRONLY | os.O_TRUNC)  # the first run was killed between two lines
    key = secrets.token_hex(32)
    with os.fdopen(handle, "w") as opened:
        opened.write(key + "\n")
    return key, True


def password_of(key: str) -> str:
    """The sample's password: another one on every machine, so that an exposed port does not open the door."""
    return "milk-" + hmac.new(key.encode(), b"demo password", hashlib.sha256).hexdigest()[:12]


def actor_of(session: Session, email: str) -> Actor:
    """The actor behind a login of the sample."""
    user = session.scalars(select(User).where(User.email == email)).one()
    return Actor(user.id, user.name, Role(user.role))


def name_of(session: Session, user_id: UUID) -> str:
    """The name of a user."""
    return session.scalars(select(User.name).where(User.id == user_id)).one()


def make_people(session: Session, day: date, first_day: date, count: int, password: str, bar: Bar) -> list[UUID]:
    """Settings, logins, products, prices and customers; the customers' ids in the order of the sample."""
    change_settings(session, SettingsChange(**sample.seller()))
    for login in LOGINS:
        mark = State(day=day).mark if login.role is Role.ADMIN else None
        person = accounts.NewUser(login.name, login.role, login.email, legacy_id=mark)
        user = accounts.create_user(session, person)
        _arrive(session, user, password)
    admin = actor_of(session, LOGINS[0].email)
    staff = {login.name: actor_of(session, login.email).user_id for login in LOGINS}
    made: list[UUID] = []
    for fields in sample.customers(first_day, count):
        made.append(_customer(session, admin, staff, fields, is_first=not made))
        bar.advance()
    shops = dict(zip(sample.SHOPS, made[sample.households(count) :], strict=False))
    billed = customers.CustomerChange(billed_to=shops[sample.HEAD])
    customers.change_customer(session, admin, shops[sample.BRANCH], billed)
    first = session.scalars(select(User).where(User.email == CUSTOMER_EMAIL)).one()
    _arrive(session, first, password)
    return made


def _customer(
    session: Session, admin: Actor, staff: dict[str, UUID], fields: dict[str, Any], *, is_first: bool
) -> UUID:
    boy = staff[sample.BOYS[sample.boy_of(fields["area"])]]
    more: dict[str, Any] = {"delivery_boy_id": boy, "marketing_staff_id": staff["Mira Marketing"]}
    if is_first:
        more["email"] = CUSTOMER_EMAIL
    customer_id: UUID = customers.create_customer(session, admin, customers.NewCustomer(**fields | more))["id"]
    return customer_id


def make_products(session: Session, first_day: date) -> dict[str, UUID]:
    """The products with their prices; ids by SKU."""
    made: dict[str, UUID] = {}
    for ware in sample.WARES:
        product = catalogue.create_product(session, catalogue.NewProduct(**ware.fields))
        price = catalogue.NewPrice(Decimal(ware.price), first_day - timedelta(days=365))
        catalogue.set_price(session, product.id, price)
        made[ware.fields["sku"]] = product.id
    bottle = create_container(session, NewContainer(sample.BOTTLE, Decimal(sample.DEPOSIT)))
    catalogue.change_product(session, made[sample.BOTTLED], catalogue.ProductChange(container_id=bottle.id))
    sku, dearer = sample.DEARER
    second_month = (first_day + timedelta(days=31)).replace(day=16)
    catalogue.set_price(session, made[sku], catalogue.NewPrice(Decimal(dearer), second_month))
    return made


def make_charge_rules(session: Session, made: list[UUID], first_day: date) -> None:
    """What bills charge and take off by themselves: the way to an area far out, and thanks to an old customer."""
    admin = actor_of(session, LOGINS[0].email)
    area = session.scalars(select(Area.id).where(Area.name == sample.FAR_OUT)).one()
    way = ("delivery_charge", "per_delivery_day", Decimal(sample.WAY), "Delivery", first_day)
    thanks = ("discount", "percent", Decimal(sample.THANKS), "Thanks for ten years", first_day)
    add_charge_rule(session, admin, NewChargeRule(*way, area_id=area))
    add_charge_rule(session, admin, NewChargeRule(*thanks, customer_id=made[sample.OLD_CUSTOMER]))


def set_passwords(session: Session, password: str) -> None:
    """Give all logins of the sample this password: the key it came from was lost."""
    emails = [*(login.email for login in LOGINS), CUSTOMER_EMAIL]
    for user in session.scalars(select(User).where(User.email.in_(emails))):
        _arrive(session, user, password)


def _arrive(session: Session, user: User, password: str) -> None:
    accounts.accept_invitation(session, accounts.invite(session, user), password, Caller())
