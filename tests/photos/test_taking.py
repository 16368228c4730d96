"""Taking, replacing, reading and removing the photo of a delivery, over HTTP."""

import base64
import hashlib
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from dairy_app.photos.store import PhotoFiles
from tests.dairy import Client, ok, refused
from tests.deliveries.rounds import Round
from tests.photos.pictures import BLUE, RED, by_camera, door, is_near, names, seen, send, send_file, written


def confirmed(round_: Round, **fields: Any) -> Any:
    order = round_.order()
    ok(round_.dairy.confirm(order, by=round_.boy, **fields), 200)
    return order


def read(client: Client, order: Any) -> bytes:
    answer = client.get(f"/deliveries/{order['id']}/photo")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_data()


def test_a_helper_takes_a_photo_and_everybody_concerned_sees_it(round_: Round, files: PhotoFiles) -> None:
    order, sent = confirmed(round_), by_camera(1, (4000, 3000))
    told = ok(send(round_.boy, order, sent), 200)
    answer = round_.dairy.admin.get(f"/deliveries/{order['id']}/photo")
    kept = answer.get_data()
    assert told == {
        "id": told["id"],
        "order_id": order["id"],
        "customer_id": round_.customer["id"],
        "delivery_date": "2026-11-20",
        "size": len(kept),
        "width": 1600,
        "height": 1200,
        "sha256": hashlib.sha256(kept).hexdigest(),
        "uploaded_at": told["uploaded_at"],
        "taken_by": round_.boy.user["id"],
        "taken_by_name": "Bala Boy",
        "shared_link_id": None,
        "replayed": False,
    }
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Disposition"] == 'inline; filename="delivery-2026-11-20.jpg"'
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    again = round_.boy.call(
        "GET", f"/deliveries/{order['id']}/photo", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert (again.status_code, again.get_data()) == (304, b"")
    assert len(names(files)) == 1


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_what_is_sent_is_written_anew_upright_and_without_what_the_camera_said(round_: Round, form: str) -> None:
    """Orientation 6: the camera was held upright, so its left is the top."""
    order = confirmed(round_)
    told = ok(send(round_.boy, order, by_camera(6, form=form), f"image/{form.lower()}"))
    kept = read(round_.boy, order)
    picture = seen(kept)
    assert (picture.format, picture.size, (told["width"], told["height"])) == ("JPEG", (600, 800), (600, 800))
    assert is_near(picture.getpixel((300, 100)), RED)
    assert is_near(picture.getpixel((300, 700)), BLUE)
    assert not picture.getexif()
    assert b"Nokia" not in kept
    assert b"Exif" not in kept


@pytest.mark.parametrize(
    ("orientation", "red_at"),
    [(1, (100, 300)), (2, (700, 300)), (3, (700, 300)), (4, (100, 300)),
     (5, (300, 100)), (6, (300, 100)), (7, (300, 700)), (8, (300, 700))],
)  # fmt: skip
def test_each_way_to_hold_a_camera(round_: Round, orientation: int, red_at: tuple[int, int]) -> None:
    order = confirmed(round_)
    ok(send(round_.boy, order, by_camera(orientation)))
    picture = seen(read(round_.boy, order))
    assert picture.size == ((800, 600) if orientation < 5 else (600, 800))
    assert is_near(picture.getpixel(red_at), RED)


def test_comments_and_profiles_go_too(round_: Round) -> None:
    order = confirmed(round_)
    ok(send(round_.boy, order, door(comment=b"at 12 Canal Road", icc_profile=b"profile of a phone")))
    kept = read(round_.boy, order)
    assert b"Canal Road" not in kept
    assert b"profile" not in kept


def test_what_one_can_see_through_is_white(round_: Round) -> None:
    from PIL import Image

    order = confirmed(round_)
    glass = written(Image.new("RGBA", (40, 40), (0, 0, 0, 0)), "PNG")
    ok(send(round_.boy, order, glass, "image/png"))
    assert is_near(seen(read(round_.boy, order)).getpixel((20, 20)), (255, 255, 255))


def test_one_photo_takes_the_place_of_the_other_and_the_same_again_changes_nothing(
    round_: Round, files: PhotoFiles, clock: time_machine.Traveller, sql: Any
) -> None:
    order, first, second = confirmed(round_), door((640, 480)), door((480, 640))
    told = ok(send(round_.boy, order, first))
    clock.shift(timedelta(minutes=5))
    assert ok(send(round_.boy, order, first)) == {**told, "replayed": True}
    before = names(files)
    later = ok(send_file(round_.dairy.admin, order, second))
    assert later["replayed"] is False
    assert (later["id"], later["taken_by_name"], later["width"]) == (told["id"], "Asha Admin", 480)
    assert later["uploaded_at"] > told["uploaded_at"]
    assert seen(read(round_.boy, order)).size == (480, 640)
    assert len(names(files)) == 1
    assert not names(files) & before
    assert sql("SELECT count(*) FROM delivery_photos") == [(1,)]


def test_a_photo_comes_as_a_form_too_or_as_text_in_json(round_: Round) -> None:
    order, sent = confirmed(round_), door()
    told = ok(send_file(round_.boy, order, sent, "../../etc/passwd"))
    text = base64.b64encode(sent).decode()
    again = ok(round_.boy.post(f"/deliveries/{order['id']}/photo", {"photo": text}))
    assert again == {**told, "replayed": True}
    broken = round_.boy.post(f"/deliveries/{order['id']}/photo", {"photo": "ä" + text})
    assert refused(broken, 422, "validation_failed")["errors"][0]["pointer"] == "/photo"


def test_of_an_order_that_is_out_or_was_not_delivered_there_may_be_a_photo(round_: Round) -> None:
    """A locked gate proves something, too."""
    out, closed = round_.order(), confirmed(round_, status="not_delivered", reason_code="door_closed")
    refused(send(round_.boy, out, door()), 409, "illegal_transition")
    ok(round_.boy.post("/deliveries/start", {}))
    ok(send(round_.boy, out, door()))
    ok(send(round_.boy, closed, door()))


def test_of_a_cancelled_order_there_is_none(round_: Round) -> None:
    order = round_.order()
    ok(round_.dairy.admin.post(f"/orders/{order['id']}/cancel", {"reason": "away"}))
    refused(send(round_.dairy.admin, order, door()), 409, "illegal_transition")


def test_a_helper_has_the_day_itself_and_the_office_the_window(round_: Round, clock: time_machine.Traveller) -> None:
    order = confirmed(round_)
    ok(send(round_.boy, order, door()))
    clock.shift(timedelta(days=1))
    round_.log_in_again()
    path = f"/deliveries/{order['id']}/photo"
    refused(send(round_.boy, order, door((100, 100))), 403, "forbidden")
    refused(round_.boy.delete(path), 403, "forbidden")
    refused(round_.boy.get(path), 404, "photo_not_found")
    ok(send(round_.dairy.admin, order, door((100, 100))))
    clock.shift(timedelta(days=1))
    round_.log_in_again()
    refused(send(round_.dairy.admin, order, door((100, 80))), 400, "delivery_date_outside_window")
    ok(round_.dairy.admin.patch("/settings", {"delivery_window_days": 2}))
    ok(send(round_.dairy.admin, order, door((100, 80))))


def test_who_may_see_what(round_: Round) -> None:
    dairy = round_.dairy
    other_boy, accountant = dairy.staff("delivery_boy"), dairy.staff("accountant")
    customer, own = dairy.customer_login(delivery_boy_id=round_.boy.user["id"])
    _, stranger = dairy.customer_login()
    order = dairy.order(customer, (round_.milk, "1"))
    path = f"/deliveries/{order['id']}/photo"
    ok(dairy.confirm(order, by=round_.boy))
    refused(own.get(path), 404, "photo_not_found")
    refused(send(other_boy, order, door()), 404, "order_not_found")
    for client in (accountant, own):
        refused(send(client, order, door()), 403, "forbidden")
    told = ok(send(round_.boy, order, door()))
    for client in (dairy.admin, accountant, round_.boy, own):
        assert read(client, order) == read(dairy.admin, order)
        (listed,) = ok(client.get("/delivery-photos", order_id=order["id"]))["items"]
        internal = {} if client is own else {name: told[name] for name in ("taken_by", "shared_link_id")}
        shown = {name: value for name, value in told.items() if name not in {"taken_by", "shared_link_id", "replayed"}}
        assert listed == shown | internal
    for client in (other_boy, stranger):
        refused(client.get(path), 404, "photo_not_found")
        assert ok(client.get("/delivery-photos"))["items"] == []
    refused(dairy.staff("marketing_staff").get(path), 403, "forbidden")
    refused(own.delete(path), 403, "forbidden")
    refused(other_boy.delete(path), 404, "order_not_found")


def test_whose_door_was_another_ones_does_not_see_it(round_: Round, sql: Any) -> None:
    dairy = round_.dairy
    sql("UPDATE customers SET created_at = '2026-11-20 09:00+05:30'")
    wrong, own = dairy.customer_login(delivery_boy_id=round_.boy.user["id"])
    order = dairy.order(wrong, (round_.milk, "1"))
    ok(dairy.confirm(order, by=round_.boy))
    ok(send(round_.boy, order, door()))
    assert own.get(f"/deliveries/{order['id']}/photo").status_code == 200
    body = {"to_customer_id": round_.customer["id"], "reason": "The door beside it"}
    ok(dairy.admin.post(f"/deliveries/{order['id']}/moved", body), 201)
    refused(own.get(f"/deliveries/{order['id']}/photo"), 404, "photo_not_found")
    assert ok(own.get("/delivery-photos"))["items"] == []
    assert dairy.admin.get(f"/deliveries/{order['id']}/photo").status_code == 200


def test_removing_takes_row_and_file(round_: Round, files: PhotoFiles, sql: Any) -> None:
    order = confirmed(round_)
    path = f"/deliveries/{order['id']}/photo"
    ok(send(round_.boy, order, door()))
    assert round_.boy.delete(path).status_code == 204
    assert (names(files), sql("SELECT count(*) FROM delivery_photos")) == (set(), [(0,)])
    refused(round_.boy.get(path), 404, "photo_not_found")
    refused(round_.boy.delete(path), 404, "photo_not_found")


def test_the_list_is_narrowed_by_day_customer_and_order(round_: Round) -> None:
    orders = [confirmed(round_), confirmed(round_)]
    for order in orders:
        ok(send(round_.boy, order, door()))
    admin = round_.dairy.admin

    def found(**query: Any) -> list[str]:
        return [each["order_id"] for each in ok(admin.get("/delivery-photos", **query))["items"]]

    both = [orders[1]["id"], orders[0]["id"]]
    assert found() == found(delivery_date="2026-11-20") == found(customer_id=round_.customer["id"]) == both
    assert found(delivery_date="2026-11-19") == found(customer_id=orders[0]["id"]) == []
    assert found(order_id=orders[0]["id"]) == [orders[0]["id"]]
    first = ok(admin.get("/delivery-photos", limit=1))
    assert found(limit=1, cursor=first["next_cursor"]) == [orders[0]["id"]]


def test_who_sent_replaced_and_removed_it_is_in_the_audit_log(round_: Round) -> None:
    order = confirmed(round_)
    told = ok(send(round_.boy, order, door()))
    ok(send(round_.dairy.admin, order, door((100, 100))))
    assert round_.dairy.admin.delete(f"/deliveries/{order['id']}/photo").status_code == 204
    log = ok(round_.dairy.admin.get("/audit-log", table_name="delivery_photos", row_id=told["id"]))["items"]
    assert [(each["action"], each["actor_role"]) for each in reversed(log)] == [
        ("INSERT", "delivery_boy"), ("UPDATE", "admin"), ("DELETE", "admin")]  # fmt: skip
