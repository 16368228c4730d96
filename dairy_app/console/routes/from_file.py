"""Files as people keep them: looked at first, with what each column was read as and each fault, and then taken."""

import base64
import io
from typing import Any

from flask import Response, request, url_for
from marshmallow import fields
from werkzeug.datastructures import FileStorage

from dairy_app.common.errors import Problem
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.importing.rules.columns import KINDS
from dairy_app.web import validate
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act, admits
from dairy_app.web.validate import REQUIRED

WHO = (Role.ADMIN, Role.ACCOUNTANT)
#: A file that was looked at is kept in its page up to this size, and need not be chosen again.
MOST_KEPT = 200 * 1024
#: Faults, and rows, that a page shows; more are counted.
SHOWN = 200
#: Kind → the page on which one sees what came of it.
SEEN_AT = {
    "customers": "console.customers",
    "standing-orders": "console.customers",
    "opening-balances": "console.openings",
    "payments": "console.payments",
}


class FromFileQuery(PageQuery):
    """What is in the file."""

    kind = fields.String(validate=validate.OneOf(KINDS))


@console.route("/from-a-file")
@console.arguments(FromFileQuery, location="query")
@allow(*WHO, page=True)
def from_file(query: dict[str, str]) -> Response:
    """The form for a file; of which kinds, the role says."""
    return _page(query.get("kind"))


@console.route("/from-a-file", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def take_file(form: dict[str, str]) -> Response:
    """Look at a file, or take it: all rows or none. What is wrong with it is told row by row."""
    kind = frame.part_of_address(form, "kind")
    if kind not in KINDS:
        raise Problem("not_found")
    content, name = _chosen(form)
    told: dict[str, Any] = {}
    only_look = form.get("do") != "take"

    def look() -> None:
        told.update(_send(kind, form, content, name, dry_run="true"))

    def take() -> None:
        try:
            told.update(_send(kind, form, content, name, key=form.get("key")))
        except Problem:
            look()
            if not told["faults"]:
                raise

    def again(**names: Any) -> Response:
        return _page(kind, name=name, **names)

    refused = frame.send(look if only_look else take, again, url_for("console.from_file", kind=kind))
    if refused is not None:
        return refused
    if told["dry_run"]:
        kept = base64.b64encode(content or b"").decode() if len(content or b"") <= MOST_KEPT else None
        page = _page(kind, looked=told, kept=kept, name=name, form=form)
        page.status_code = 200 if only_look else 422
        return page
    said = f"taken_{kind.replace('-', '_')}"
    counts = {each: told[each] for each in ("created", "skipped", "standing_orders", "opening_balances")}
    return frame.done(url_for(SEEN_AT[kind]), said, **counts)


def _send(kind: str, form: dict[str, str], content: bytes | None, name: str, **options: Any) -> dict[str, Any]:
    options |= {"on_existing": "skip" if "skip" in form else None, "confirm": "true" if "confirm" in form else None}
    options |= {"sheet": form.get("sheet", "").strip() or None}
    given = {option: value for option, value in options.items() if value is not None}
    file = None if content is None else FileStorage(io.BytesIO(content), name)
    told: dict[str, Any] = act("POST", f"/imports/{kind}", file=file, **given)
    return told


def _page(kind: str | None, **names: Any) -> Response:
    offered = [each for each in KINDS if admits(f"/imports/{each}", "POST")]
    shown = kind if kind in offered else offered[0]
    looked = names.get("looked")
    if looked is not None:
        names |= {"columns": [_in_words(each) for each in looked["columns"]], "faults": _faults(looked)}
    return frame.page("from_file.html", kinds=offered, kind=shown, **names)


def _in_words(column: dict[str, Any]) -> tuple[str, str | None]:
    """A heading, and what it was read as; None: as nothing."""
    t, read_as = frame.words(), column["read_as"]
    if read_as is None:
        return column["header"], None
    product = read_as.removeprefix("product:")
    return column["header"], t("column_of_product", sku=product) if product != read_as else t(f"column_{read_as}")


def _faults(looked: dict[str, Any]) -> list[tuple[int, str, str]]:
    """Line, heading and words of the first faults."""
    t = frame.words()
    heading = {each["read_as"]: each["header"] for each in looked["columns"] if each["read_as"]}
    told = []
    for each in looked["faults"][:SHOWN]:
        key, column = f"invalid_{each['code']}", each["column"]
        in_words = t.has(key) and (t.code != "en" or each["code"] == REQUIRED)
        named = heading.get(column) or (t(f"column_{column}") if t.has(f"column_{column}") else column)
        told.append((each["line"], named, t(key) if in_words else each["detail"]))
    return told


def _chosen(form: dict[str, str]) -> tuple[bytes | None, str]:
    """The file that was chosen, else the one that was looked at before; with its name."""
    file = request.files.get("file")
    if file is not None and file.filename:
        return file.read(), file.filename
    if not form.get("kept"):
        return None, ""
    try:
        return base64.b64decode(form["kept"], validate=True), form.get("kept_name", "")
    except ValueError:
        return None, ""
