"""Empties in the console: kinds, what a product goes out in, who has how many, what the office enters."""

from tests.console.visitor import Visitor
from tests.dairy import Dairy, ok


def test_from_the_first_bottle_to_the_lost_one(dairy: Dairy, admin: Visitor) -> None:
    customer, milk = dairy.customer(name="Asha"), dairy.product("60.00")
    page = admin.open("/containers")
    assert "No kind of container yet." in page.words
    refused = admin.submit(page, "/containers", name="Glass bottle", deposit="-3")
    assert refused.status == 422
    page = admin.follow(admin.submit(refused, "/containers", name="Glass bottle", deposit="30"))
    assert "Glass bottle is entered." in page.words and "₹ 30.00" in page.words
    (kind,) = ok(dairy.admin.get("/containers"))["items"]
    page = admin.follow(admin.submit(page, f"/containers/{kind['id']}", name="Glass bottle", deposit="35"))
    assert "₹ 35.00" in page.words

    own = f"/products/{milk['id']}"
    page = admin.follow(
        admin.submit(admin.open(own), f"{own}/container", container_id=kind["id"], containers_per_unit="2")
    )
    assert "Container: 2 × Glass bottle" in page.words
    ok(dairy.confirm(dairy.order(customer, (milk, "2"))), 200)

    own = f"/customers/{customer['id']}"
    assert "Empties: 4 × Glass bottle" in admin.open(own).words
    page = admin.open(f"{own}/containers")
    assert "Came back" in page.words
    body = {"container_id": kind["id"], "count": "5"}
    refused = admin.submit(page, f"{own}/containers/back", **body)
    assert refused.status == 422
    page = admin.follow(admin.submit(refused, f"{own}/containers/back", **body | {"count": "1"}))
    assert "1 came back; 3 are still there." in page.words
    page = admin.follow(admin.submit(page, f"{own}/containers/lost", **body | {"count": "1", "reason": "broken"}))
    assert "1 lost; 2 are still there." in page.words
    (charge,) = ok(dairy.admin.get("/adjustments", customer_id=customer["id"]))["items"]
    assert charge["amount"] == "35.00"
    page = admin.open("/containers")
    assert "Asha" in page.words.partition("By customer")[2]
    (file,) = [link for link in page.links() if link.startswith("/downloads/containers.csv")]
    assert "Asha" in admin.http.get(file).get_data(as_text=True)
    hindi = admin.open(f"{own}/containers?lang=hi").words
    assert "खाली बर्तन" in hindi and "Glass bottle" in hindi


def test_a_customer_sees_what_it_has_and_enters_nothing(dairy: Dairy) -> None:
    customer, login = dairy.customer_login()
    visitor = Visitor(dairy.app)
    visitor.sign_in(customer["phone"])
    own = f"/customers/{customer['id']}"
    assert "Empties" not in visitor.open(own).words
    kind = ok(dairy.admin.post("/containers", {"name": "Can", "deposit": "500"}), 201)
    entry = {"container_id": kind["id"], "count": 2, "reason": "from before"}
    ok(dairy.admin.post(f"{own}/containers/out", entry), 201)
    assert "Empties: 2 × Can" in visitor.open(own).words
    page = visitor.open(f"{own}/containers")
    assert "from before" in page.words and "Asha Admin" not in page.words
    assert "Enter without a delivery" not in page.words
    assert login.get(f"{own}/containers").status_code == 200
