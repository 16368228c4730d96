"""Photos in the console: taken on the order's page or at a door of the round, without a script, and seen there."""

import io
from typing import Any

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.console.conftest import SignIn
from tests.console.visitor import BROWSER, Form, Page, Visitor
from tests.dairy import Client, Dairy, ok
from tests.photos.pictures import door, seen


def attach(visitor: Visitor, form: Form, content: bytes | None, name: str = "door.jpg") -> Page:
    data: dict[str, Any] = {key: value for key, value in form.fields.items() if key != "file"}
    data["file"] = FileStorage(io.BytesIO(content or b""), name if content is not None else "")
    boundary, body = encode_multipart(data)  # of a large one the client would leave a file open
    media = f"multipart/form-data; boundary={boundary}"
    return Page(visitor.http.post(form.action, data=body, content_type=media, headers=BROWSER))


@pytest.fixture
def ravi(dairy: Dairy) -> Client:
    return dairy.staff("delivery_boy", "Ravi")


@pytest.fixture
def own(dairy: Dairy, ravi: Client) -> tuple[Any, Client]:
    return dairy.customer_login(name="Asha Rao", delivery_boy_id=ravi.user["id"])


@pytest.fixture
def order(dairy: Dairy, own: tuple[Any, Client]) -> Any:
    """An order of today, delivered."""
    made = dairy.order(own[0], (dairy.product("60.00"), "2"))
    ok(dairy.confirm(made))
    return made


def test_a_photo_is_added_seen_replaced_and_deleted(dairy: Dairy, admin: Visitor, order: Any, own: Any) -> None:
    path = f"/orders/{order['id']}"
    page = admin.open(path)
    (field,) = [each for each in page.every("input") if each.get("type") == "file"]
    assert (field["capture"], field["accept"]) == ("environment", "image/jpeg,image/png,image/webp")
    page = attach(admin, page.form("/photo"), door())
    assert (page.status, page.location) == (303, path)
    page = admin.follow(page)
    assert "The photo is kept." in page.words
    (image,) = page.every("img")
    assert (image["width"], image["height"]) == ("800", "600")
    assert image["alt"]
    picture = admin.http.get(image["src"], headers=BROWSER)
    assert (picture.status_code, seen(picture.get_data()).size) == (200, (800, 600))
    for name, value in (("Content-Type", "image/jpeg"), ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "private, no-cache")):  # fmt: skip
        assert picture.headers[name] == value
    assert picture.headers["Content-Disposition"].startswith("inline; ")
    assert "img-src 'self'" in page.response.headers["Content-Security-Policy"]
    page = admin.follow(attach(admin, page.form("/photo"), door((100, 200))))
    (again,) = page.every("img")
    assert again["src"] != image["src"]
    seen_by_customer = Visitor.of(dairy.app, own[0]["phone"]).open(path)
    assert [each["src"] for each in seen_by_customer.every("img")] == [again["src"]]
    assert not [each for each in seen_by_customer.forms if "photo" in each.action]
    page = admin.follow(admin.submit(page, "/photo/remove"))
    assert "The photo is deleted." in page.words
    assert page.every("img") == []
    assert admin.open(f"{path}/photo").status == 404


def test_a_helper_adds_it_on_his_round_and_stays_there(dairy: Dairy, ravi: Client, order: Any) -> None:
    visitor = Visitor.of(dairy.app, ravi.user["email"])
    page = visitor.open(f"/rounds/{ravi.user['id']}")
    assert "with photo" not in page.words
    page = attach(visitor, page.form(f"{order['id']}/photo"), door())
    assert page.location == f"/rounds/{ravi.user['id']}?date={dairy.day(0)}#order-{order['id']}"
    page = visitor.follow(page)
    assert "with photo" in page.words
    assert "The photo is kept." in page.words
    assert any(each.get("id") == f"order-{order['id']}" for each in page.every("p"))
    yesterday = visitor.open(f"/rounds/{ravi.user['id']}?date={dairy.day(-1)}")
    assert not [each for each in yesterday.forms if "photo" in each.action]


def test_what_is_no_photo_is_told_in_words(admin: Visitor, order: Any) -> None:
    path = f"/orders/{order['id']}"
    page = attach(admin, admin.open(path).form("/photo"), b"GIF89a", "door.jpg")
    assert (page.status, "Send a photo as JPEG, PNG or WebP." in page.words) == (415, True)
    page = attach(admin, page.form("/photo"), None)
    assert (page.status, "Choose a photo first." in page.words) == (422, True)
    page = attach(admin, page.form("/photo"), b"\xff\xd8\xff\xe0" + b"x" * 3_000_000)
    assert page.status == 413
    hindi = attach(admin, admin.open(f"{path}?lang=hi").form("/photo"), b"GIF89a")
    assert "JPEG, PNG या WebP" in hindi.words


def test_forms_of_others_are_refused(admin: Visitor, order: Any) -> None:
    form = Form(f"/orders/{order['id']}/photo", "post", {"csrf_token": "0" * 64})
    assert attach(admin, form, door()).status == 400


def test_a_photo_is_for_those_whom_it_concerns(sign_in: SignIn, admin: Visitor, order: Any) -> None:
    path = f"/orders/{order['id']}/photo"
    attach(admin, admin.open(f"/orders/{order['id']}").form("/photo"), door())
    may = {"accountant": 200, "customer": 404, "delivery_boy": 404, "marketing_staff": 403}
    assert {role: sign_in(role).http.get(path, headers=BROWSER).status_code for role in may} == may
