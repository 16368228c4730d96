"""A small town: two delivery boys, two members of marketing staff, two customers with logins."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.dairy import Client, Dairy, kept


@dataclass(frozen=True)
class Town:
    """Anil delivers to Asmita, whom Meena looks after; Bala to Bharat, whom Manoj looks after."""

    dairy: Dairy
    anil: Client
    bala: Client
    meena: Client
    manoj: Client
    asmita: Any
    asmita_client: Client
    bharat: Any
    bharat_client: Client

    @property
    def admin(self) -> Client:
        return self.dairy.admin


@kept
def make_town(dairy: Dairy) -> Town:
    anil, bala = dairy.staff("delivery_boy", "Anil"), dairy.staff("delivery_boy", "Bala")
    meena, manoj = dairy.staff("marketing_staff", "Meena"), dairy.staff("marketing_staff", "Manoj")
    asmita, asmita_client = dairy.customer_login(
        name="Asmita", delivery_boy_id=anil.user["id"], marketing_staff_id=meena.user["id"]
    )
    bharat, bharat_client = dairy.customer_login(
        name="Bharat", delivery_boy_id=bala.user["id"], marketing_staff_id=manoj.user["id"], area="Baner"
    )
    return Town(dairy, anil, bala, meena, manoj, asmita, asmita_client, bharat, bharat_client)


@pytest.fixture
def town(dairy: Dairy) -> Town:
    return make_town(dairy)


@pytest.fixture
def everything(sql: Any) -> Any:
    """``everything()``: all that creating or changing a customer could write."""

    def read() -> list[list[tuple[Any, ...]]]:
        tables = ("users", "invitations", "areas", "customers", "customer_prices", "unlinked_customers")
        return [sql(f"SELECT * FROM {table} ORDER BY 1") for table in tables]

    return read
