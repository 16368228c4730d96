"""What is wrong with a cell is said in the words that the rest of the API has, and in both languages."""

import ast
import json
from pathlib import Path
from typing import Any

import dairy_app
from dairy_app.web.validate import INVALID, REQUIRED, UNKNOWN_FIELD
from tests.dairy import Dairy, ok, refused
from tests.importing.sheets import faults, upload

PROGRAM = Path(dairy_app.__file__).parent
WORDS = PROGRAM / "console" / "words" / "codes"
#: Where faults of files are found: the place of the code among what is given on.
CODE_IN = {"refuse": 2, "fault": 2, "invalid": 2, "Unreadable": 0, "FieldError": 1}


def codes() -> set[str]:
    places = [*(PROGRAM / "importing").rglob("*.py"), PROGRAM / "web" / "uploads.py"]
    found = {INVALID, REQUIRED, UNKNOWN_FIELD}
    for place in [*places, PROGRAM / "customers" / "service" / "importing.py"]:
        for node in ast.walk(ast.parse(place.read_text(encoding="utf-8"))):
            name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
            given = node.args[CODE_IN[name] :][:1] if name in CODE_IN and isinstance(node, ast.Call) else []
            found |= {each.value for each in given if isinstance(each, ast.Constant)}
    return found


def test_each_code_of_a_fault_has_words_in_both_languages() -> None:
    found = codes()
    assert {"differs", "ambiguous", "not_computed", "duplicate"} <= found
    for language in ("en", "hi"):
        words = json.loads((WORDS / f"{language}.json").read_text(encoding="utf-8"))
        assert [code for code in sorted(found) if f"invalid_{code}" not in words] == []


def test_a_fault_is_in_the_column_that_says_whose_row_it_is(dairy: Dairy) -> None:
    dairy.product(sku="COW")
    dairy.customer(phone="+919812345601")
    gone = dairy.customer(phone="+919812345602")
    ok(dairy.admin.patch(f"/customers/{gone['id']}", {"status": "stopped"}))
    text = "Phone,Balance\n9812345601,5\n9812345601,6\n"
    assert faults(ok(upload(dairy.admin, "opening-balances", text, dry_run=True), 200)) == [(3, "phone", "duplicate")]
    ok(upload(dairy.admin, "opening-balances", "Phone,Balance\n9812345601,5\n"), 201)
    seen = ok(upload(dairy.admin, "opening-balances", "Phone,Balance\n9812345601,5\n", dry_run=True), 200)
    assert faults(seen) == [(2, "phone", "already_exists")]
    text = "Phone,Product,Qty\n9812345602,COW,1\n"
    seen = ok(upload(dairy.admin, "standing-orders", text, dry_run=True), 200)
    assert faults(seen) == [(2, "phone", "customer_stopped")]


def pointers(problem: Any) -> list[str]:
    return [each["pointer"] for each in problem["errors"]]


def test_the_pointer_of_a_fault_is_a_json_pointer(dairy: Dairy) -> None:
    dairy.product(name="Milk", sku="A/2")
    text = "Name,Phone,Address,Area,A/2\nAsha,9812345601,1 Mill Road,Kothrud,much\n"
    assert pointers(refused(upload(dairy.admin, "customers", text), 422, "validation_failed")) == [
        "/rows/2/product:A~12"
    ]
