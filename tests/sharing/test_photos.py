"""Who holds the link of a round adds photos to its deliveries, and sees none."""

from typing import Any

from dairy_app.photos.store import files_of
from dairy_app.settings import Settings
from tests.dairy import ok, refused
from tests.photos.pictures import door, names
from tests.sharing.links import Link, Town


def send(link: Link, order: Any, content: bytes | None = None) -> Any:
    path = f"/shared/{link.token}/deliveries/{order['id']}/photo"
    return link.phone.call("POST", path, data=content or door(), content_type="image/jpeg")


def test_a_link_adds_a_photo_in_its_own_name(town: Town) -> None:
    link, order = town.link(), town.order()
    refused(send(link, order), 409, "illegal_transition")
    ok(link.confirm(order))
    told = ok(send(link, order), 200)
    (photo,) = ok(town.dairy.admin.get("/delivery-photos"))["items"]
    assert told == {"order_id": order["id"], "size": photo["size"], "replayed": False}
    assert (photo["taken_by"], photo["shared_link_id"]) == (None, link.id)
    assert photo["taken_by_name"] == link.made["name"]
    assert ok(send(link, order))["replayed"] is True
    assert [each for each in link.events() if each[0] == "photo"] == [
        ("photo", "illegal_transition"), ("photo", "ok"), ("photo", "replayed")]  # fmt: skip
    events = ok(town.dairy.admin.get(f"/shared-links/{link.id}/events"))["items"]
    assert events[0]["order_id"] == order["id"]
    refused(link.phone.get(f"/deliveries/{order['id']}/photo"), 401, "not_authenticated")
    (entry,) = ok(town.dairy.admin.get("/audit-log", table_name="delivery_photos"))["items"]
    assert (entry["shared_link_id"], entry["actor_user_id"]) == (link.id, None)


def test_a_link_reaches_its_round_only_and_only_while_it_lives(town: Town, settings: Settings) -> None:
    link, other = town.link(pin="4771"), town.order(town.zoya)
    order = town.order()
    ok(town.dairy.confirm(other))
    ok(town.dairy.confirm(order))
    refused(send(link, order), 401, "pin_required")
    ok(link.unlock("4771"), 204)
    refused(send(link, other), 404, "order_not_found")
    refused(send(link, order, b"GIF89a"), 415, "unsupported_media_type")
    assert names(files_of(settings)) == set()
    link.revoke()
    refused(send(link, order), 410, "link_revoked")
    assert names(files_of(settings)) == set()


def test_photos_spend_what_a_link_may(town: Town) -> None:
    link, order = town.link(), town.order()
    ok(link.confirm(order))
    answers = [send(link, order).status_code for _ in range(31)]
    assert answers[0] == 200
    assert answers[-1] == 429
