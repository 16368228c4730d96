"""A dairy with bills of every kind, on the morning of 3 November 2026."""

from typing import Any

import pytest

from tests.billing.conftest import LivingDairy, living
from tests.dairy import Client, kept, ok

__all__ = ["bills", "living"]

#: Registered in Maharashtra, with a UPI id.
SELLER = {
    "business_name": "Sunrise Dairy",
    "legal_name": "Sunrise Dairy LLP",
    "gstin": "27AAPFU0939F1ZV",
    "fssai_no": "11526999000123",
    "phone": "+91 98123 45678",
    "upi_id": "sunrise@upi",
    "invoice_footer": "Thank you. Bank: State Bank 1234567890",
}
RADHA = "राधा देशपांडे क्षत्रिय"


class Bills:
    """Milk is exempt, paneer is taxed at 5 %. Each method makes what it names and returns its JSON."""

    def __init__(self, dairy: LivingDairy) -> None:
        self.dairy, self.admin = dairy, dairy.admin

    def goods(self) -> tuple[Any, Any]:
        return self._goods(self.dairy)

    @staticmethod
    @kept
    def _goods(dairy: Any) -> tuple[Any, Any]:
        milk = dairy.product("64.00", name="Cow milk 1 l")
        butter = dairy.product("105.00", name="Butter 200 g", unit="packet", hsn_code="0405", is_packed=True)
        return milk, butter

    def seller(self, **changes: Any) -> None:
        self.dairy.seller(**(SELLER | changes))

    def bill(self, *, days: int = 2, kinds: str = "milk butter", **customer: Any) -> Any:
        """The issued invoice of a customer who got some of each kind on some days of October."""
        milk, butter = self.goods()
        chosen = [
            (product, quantity)
            for product, quantity, name in ((milk, "1.5", "milk"), (butter, "2", "butter"))
            if name in kinds
        ]
        self.person = self.dairy.customer(**({"name": "Meera Joshi", "city": "Pune", "state_code": "27"} | customer))
        for day in range(1, days + 1):
            self.dairy.delivered(self.person, *chosen, on=f"2026-10-{day:02d}")
        return self.issue()

    def issue(self) -> Any:
        self.dairy.go_to("2026-11-03")
        self.run, invoice = self._issue(self.dairy, self.person["id"])
        return invoice

    @staticmethod
    @kept
    def _issue(dairy: Any, customer_id: str) -> tuple[Any, Any]:
        run = dairy.bill("2026-10", confirm=True)
        assert run["skipped"] == []
        first = [each for each in dairy.invoices(customer_id=customer_id) if each["status"] == "issued"]
        return run, dairy.invoice(first[-1]["id"])

    def pay(self, amount: str, **fields: Any) -> Any:
        body = {"customer_id": self.person["id"], "amount": amount, "method": "cash", "received_on": self.dairy.day(0)}
        return ok(self.admin.post("/payments", body | fields), 201)

    def pdf(self, invoice: Any, by: Client | None = None, **query: Any) -> bytes:
        answer = (by or self.admin).get(f"/invoices/{invoice['id']}/pdf", **query)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.data

    def share(self, invoice: Any, **body: Any) -> Any:
        return ok(self.admin.post(f"/invoices/{invoice['id']}/share", body))

    def token(self, invoice: Any) -> str:
        return str(self.share(invoice)["url"].rpartition("/")[2])


@pytest.fixture
def bills(living: LivingDairy) -> Bills:
    made = Bills(living)
    made.seller()
    return made
