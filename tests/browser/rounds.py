"""A morning's round with four doors, and links to it."""

from dataclasses import dataclass, field
from typing import Any

from tests.dairy import Dairy, ok

#: A name that would break out of a script, an attribute or the layout.
HOSTILE = 'D\'Souza </script><b onclick="x"> & Lakshminarayanan-Venkataraman'


@dataclass
class Round:
    """A delivery boy's round of today: who stands on it, and one order for each, in the order of the doors."""

    dairy: Dairy
    boy_id: str
    orders: dict[str, Any] = field(default_factory=dict)
    links: dict[str, Any] = field(default_factory=dict)

    def link(self, **fields: Any) -> str:
        """The token of a new link to the round."""
        body = {"kind": "round", "delivery_boy_id": self.boy_id, "date": self.dairy.day(0)} | fields
        made = ok(self.dairy.admin.post("/shared-links", body), 201)
        self.links[made["token"]] = made
        return str(made["token"])

    def status(self, name: str) -> Any:
        """An order as the dairy sees it now."""
        return ok(self.dairy.admin.get(f"/orders/{self.orders[name]['id']}"))

    def states(self) -> list[str]:
        return [self.status(name)["status"] for name in self.orders]


def make_round(dairy: Dairy) -> Round:
    dairy.seller(phone="+912025436543")
    boy = dairy.staff("delivery_boy", "Bala Boy")
    milk = dairy.product("60.00", name="Cow milk")
    curd = dairy.product("40.00", name="Curd, 500 g pack", unit="packet")
    pouch = dairy.product("64.00", name="Buffalo milk pouch", packet_size="0.5", is_packed=True)
    round_ = Round(dairy, boy.user["id"])
    doors = {
        "Asha Patil": [(milk, "2"), (curd, "3")],
        HOSTILE: [(pouch, "1.5")],
        "राधा देशपांडे": [(milk, "1")],
        "Hotel Annapurna": [(milk, "20"), (curd, "12")],
    }
    for place, (name, items) in enumerate(doors.items(), 1):
        customer = dairy.customer(
            name=name,
            address_line1=f"{place} Shanti Niwas",
            delivery_boy_id=boy.user["id"],
            stop_sequence=place * 10,
            notes="Ring twice" if place == 1 else None,
            map_link="https://maps.app.goo.gl/here" if place == 1 else None,
        )
        round_.orders[name] = dairy.order(customer, *items)
    return round_
