"""Files as people send them, and what they come to."""

import io
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook

from tests.dairy import Client

#: Kind → its headings behind code, name and phone, and the cells below them.
FILES = {
    "standing-orders": ("Product,Qty", "COW,1"),
    "opening-balances": ("Balance", "500"),
    "payments": ("Amount,Mode", "500,cash"),
    "customers": ("Address,Area,Balance", "1 Mill Road,Kothrud,500"),
}


def workbook(*rows: Sequence[Any], sheet: str = "Sheet", before: Sequence[str] = ()) -> bytes:
    """A workbook whose sheet has these rows; sheets of the names ``before`` stand before it, empty."""
    book = Workbook()
    page = book.worksheets[0]
    page.title = sheet
    for cells in rows:
        page.append(cells)
    for place, title in enumerate(before):
        book.create_sheet(title, place)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def upload(client: Client, kind: str, content: str | bytes, name: str = "customers.csv", **options: Any) -> Any:
    """The answer to a file sent as people's browsers do, with options in the form."""
    raw = content.encode() if isinstance(content, str) else content
    headers = options.pop("headers", None)
    form = {option: str(value).lower() if isinstance(value, bool) else value for option, value in options.items()}
    data = {"file": (io.BytesIO(raw), name), **form}
    return client.call("POST", f"/imports/{kind}", headers, data=data, content_type="multipart/form-data")


def read_as(answer: Any) -> dict[str, str | None]:
    return {each["header"]: each["read_as"] for each in answer["columns"]}


def faults(answer: Any) -> list[tuple[int, str, str]]:
    return [(each["line"], each["column"], each["code"]) for each in answer["faults"]]
