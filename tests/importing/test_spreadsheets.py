"""What spreadsheets leave in a file: sums below the rows, numbers with a fraction, formulas."""

from typing import Any

import pytest

from tests.dairy import Dairy, ok
from tests.importing.sheets import FILES, faults, upload


@pytest.fixture
def asha(dairy: Dairy) -> Any:
    dairy.product(name="Cow Milk", sku="COW")
    return dairy.customer(name="Asha Rao", phone="+919812345601")


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("word", ["Total", "कुल", "Grand total:"])
@pytest.mark.parametrize("place", ["{},,", ",{},", ",,{}"])
def test_a_row_of_totals_is_left_out_wherever_its_word_stands(
    dairy: Dairy, asha: Any, kind: str, word: str, place: str
) -> None:
    headings, cells = FILES[kind]
    text = f"Code,Phone,Name,{headings}\nC000001,9812345601,Asha Rao,{cells}\n{place.format(word)},{cells}\n"
    seen = ok(upload(dairy.admin, kind, text, on_existing="skip", dry_run=True), 200)
    assert seen["faults"] == []
    assert [each["line"] for each in seen["items"]] == [2]


def test_a_count_may_stand_before_the_word(dairy: Dairy, asha: Any) -> None:
    text = "S.No,Code,Name,Amount,Mode\n1,C000001,,5,cash\n1 customer,,Total,5,cash\nTotal,,1 customer,5,cash\n"
    assert len(ok(upload(dairy.admin, "payments", text), 201)["items"]) == 1


def test_a_name_beside_the_word_makes_it_a_row(dairy: Dairy, asha: Any) -> None:
    text = "Code,Name,Amount,Mode\nTotal,Asha Rao,5,cash\n"
    assert faults(ok(upload(dairy.admin, "payments", text, dry_run=True), 200)) == [
        (2, "customer_code", "customer_not_found")
    ]
