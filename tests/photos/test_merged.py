"""A customer that is merged into another takes its photos along; one that is stopped keeps them."""

from tests.dairy import ok, refused
from tests.deliveries.rounds import Round
from tests.photos.pictures import door, send
from tests.photos.test_taking import confirmed, read


def test_photos_follow_a_merge(round_: Round) -> None:
    dairy = round_.dairy
    into, own = dairy.customer_login(delivery_boy_id=round_.boy.user["id"])
    order = confirmed(round_)
    ok(send(round_.boy, order, door()))
    refused(own.get(f"/deliveries/{order['id']}/photo"), 404, "photo_not_found")
    body = {"into": into["id"], "reason": "registered twice"}
    ok(dairy.admin.post(f"/customers/{round_.customer['id']}/merge", body))
    (photo,) = ok(dairy.admin.get("/delivery-photos", customer_id=into["id"]))["items"]
    assert (photo["order_id"], photo["customer_id"]) == (order["id"], into["id"])
    assert read(own, order) == read(dairy.admin, order)
    assert ok(send(round_.boy, order, door((50, 50))))["customer_id"] == into["id"]
    assert ok(dairy.admin.get("/monitoring/consistency"))["critical"] is False


def test_who_is_stopped_keeps_its_photos_and_sees_them(round_: Round) -> None:
    dairy = round_.dairy
    customer, own = dairy.customer_login(delivery_boy_id=round_.boy.user["id"])
    order = dairy.order(customer, (round_.milk, "1"))
    ok(dairy.confirm(order))
    ok(dairy.admin.patch(f"/customers/{customer['id']}", {"status": "stopped"}))
    ok(send(round_.boy, order, door()))
    assert read(own, order) == read(dairy.admin, order)
