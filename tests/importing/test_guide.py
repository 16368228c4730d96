"""The guide tells the columns and their names as the program knows them; written anew by
``python -m tests.importing.test_guide``."""

from pathlib import Path

from dairy_app.importing.rules.columns import COLUMNS
from tests.dairy import Dairy, ok
from tests.importing.sheets import upload

GUIDE = Path(__file__).parents[2] / "docs" / "files.md"
MARK = "<!-- Written by: python -m tests.importing.test_guide -->\n"


def tables() -> str:
    written = ""
    for kind, columns in COLUMNS.items():
        written += f"\n### {kind}\n\n| column | other names |\n|---|---|\n"
        for column, names in columns.items():
            others = " ".join(f"`{name}`" for name in dict.fromkeys(names) if name != column)
            written += f"| `{column}` | {others or '–'} |\n"
    return written


def test_the_guide_names_the_columns_as_they_are() -> None:
    assert GUIDE.read_text(encoding="utf-8").split(MARK)[1] == tables()


def test_the_example_is_taken(dairy: Dairy) -> None:
    for sku, name in (("COW", "Cow Milk"), ("BUF", "Buffalo Milk")):
        dairy.product(name=name, sku=sku)
    text = GUIDE.read_text(encoding="utf-8").split("```text\n")[1].split("```")[0]
    made = ok(upload(dairy.admin, "customers", text), 201)
    assert (made["created"], made["standing_orders"], made["opening_balances"]) == (2, 3, 2)


if __name__ == "__main__":
    GUIDE.write_text(GUIDE.read_text(encoding="utf-8").split(MARK)[0] + MARK + tables(), encoding="utf-8")
