"""A file as it was read: its columns, its rows, and what is wrong with them by row and column."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from dairy_app.common.errors import FieldError, invalid
from dairy_app.importing.rules.cells import Unreadable
from dairy_app.importing.rules.columns import Column, Product, read_headings
from dairy_app.web.uploads import (
    COMPUTE,
    SAVE_ANEW,
    SEND_WORKBOOK,
    fault,
    has_lost_letters,
    is_not_computed,
    is_shortened,
    plain_heading,
    table_in,
)

#: More rows come in several files.
MOST_ROWS = 10_000
#: In these a number is a name: its last digits matter.
_NAMES = frozenset({"code", "customer_code", "phone", "reference"})
#: In these stands who a row is about.
_WHO = frozenset({"code", "customer_code", "phone", "name", "customer_name"})
#: How the row below a table begins.
_SUMS = frozenset({"total", "grand_total", "sub_total", "subtotal", "sum", "कुल", "कुल_योग", "योग"})

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong with one cell: ``line`` as a spreadsheet counts, ``column`` as it was read."""

    line: int
    column: str
    code: str
    detail: str

    def as_error(self) -> FieldError:
        """The same as a refusal names fields."""
        return fault(self.line, self.column, self.code, self.detail)


@dataclass(slots=True)
class Row:
    """One row: the cells that say something, by column; and those of products' own columns."""

    line: int
    cells: dict[str, str]
    of_products: list[tuple[Column, str]] = field(default_factory=list)


@dataclass(slots=True)
class File:
    """A file of one kind. What is wrong with it is gathered in ``faults``; any of them refuses the whole file."""

    kind: str
    columns: list[Column]
    header_line: int
    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _cells: set[tuple[int, str]] = field(default_factory=set)

    def refuse(self, line: int, column: str, code: str, detail: str) -> None:
        """Note a fault; what else is wrong with a cell follows from it."""
        if (line, column) not in self._cells:
            self._cells.add((line, column))
            self.faults.append(Fault(line, column, code, detail))

    def faulty(self) -> set[int]:
        """The lines that have a fault already: what follows from it need not be told, too."""
        return {each.line for each in self.faults}

    def require(self, *either: Sequence[str]) -> None:
        """Note a fault for each group of columns of which the file has none."""
        there = {each.read_as for each in self.columns if each.product is None}
        for names in either:
            if not there & set(names):
                said = " or ".join(names)
                self.refuse(self.header_line, names[0], "required", f"The file has no column for: {said}.")

    def read(self, row: Row, column: str, how: Callable[[str], Value]) -> Value | None:
        """A cell of a row; None when it is empty or wrong, which is noted."""
        cell = row.cells.get(column)
        if cell is None:
            return None
        try:
            return how(cell)
        except Unreadable as problem:
            self.refuse(row.line, column, problem.code, problem.detail)
            return None

    def need(self, row: Row, *columns: str) -> bool:
        """Whether the row says something in each of these columns; what is missing is noted."""
        missing = [column for column in columns if column not in row.cells]
        for column in missing:
            self.refuse(row.line, column, "required", "Nothing is in this cell.")
        return not missing


def read_file(kind: str, text: str, products: Mapping[str, Product | None]) -> File:
    """A file as text, with the titles above its headings, blank rows, sums below and empty columns left out.

    Raises ``validation_failed`` for what is no table, has no rows, or more than ``MOST_ROWS``.
    """

    def known(cells: Sequence[str]) -> int:
        return len({each.read_as for each in read_headings(kind, cells, products)} - {None})

    table = table_in(text, known)
    columns = read_headings(kind, table.headings, products)
    file = File(kind, [each for each in columns if each.header], table.line)
    _refuse_repeated(file)
    for line, cells in table.rows:
        if len(cells) > len(columns):
            told = f"{len(cells)} cells below {len(columns)} headings. An amount with a comma needs quotes in a CSV."
            file.refuse(line, columns[-1].read_as or columns[-1].header, "columns", told)
            continue
        row = _row_of(line, columns, cells)
        if row is None:
            continue
        if len(file.rows) == MOST_ROWS:
            raise invalid("/file", f"At most {MOST_ROWS:,} rows; send the rest as another file.", "too_many")
        file.rows.append(row)
        _refuse_damaged(file, row)
    if not file.rows and not file.faults:
        raise invalid("/file", "The file has no rows below its headings.", "empty")
    return file


def _row_of(line: int, columns: Sequence[Column], cells: Sequence[str]) -> Row | None:
    """None when only unknown columns say something, or when the row sums up those above."""
    row = Row(line, {})
    for column, cell in zip(columns, cells, strict=False):
        if not cell or column.read_as is None:
            continue
        if column.product is not None:
            row.of_products.append((column, cell))
        else:
            row.cells[column.read_as] = cell
    if _sums_up(row, next(filter(None, cells), "")):
        return None
    return row if row.cells or row.of_products else None


def _sums_up(row: Row, first: str) -> bool:
    """Whether a word for a sum stands in the place of a customer, or begins a row that names none."""
    said = {column: plain_heading(row.cells[column]) in _SUMS for column in _WHO & row.cells.keys()}
    others = {column for column, is_sum in said.items() if not is_sum}
    if any(said.values()):
        return not others
    return plain_heading(first) in _SUMS and not others - {"name", "customer_name"}


def _refuse_repeated(file: File) -> None:
    first: dict[str, Column] = {}
    for column in file.columns:
        if column.read_as is not None and (known := first.setdefault(column.read_as, column)) is not column:
            told = f"{known.header} and {column.header} are both read as {column.read_as}: leave one out."
            file.refuse(file.header_line, column.read_as, "columns", told)


def _refuse_damaged(file: File, row: Row) -> None:
    """What a spreadsheet did to letters, long numbers and formulas; such a cell is not looked at any more."""
    of_products = [(column.read_as or column.header, cell) for column, cell in row.of_products]
    for column, cell in [*row.cells.items(), *of_products]:
        if is_not_computed(cell):
            file.refuse(row.line, column, "not_computed", COMPUTE)
        elif has_lost_letters(cell):
            file.refuse(row.line, column, "unreadable", SAVE_ANEW)
        elif column in _NAMES and is_shortened(cell):
            file.refuse(row.line, column, "shortened", SEND_WORKBOOK)


def in_order(faults: Iterable[Fault], columns: Sequence[str | None]) -> list[Fault]:
    """Faults by line, and in a line as the columns stand in the file; what the file does not have comes last."""
    place = {column: number for number, column in enumerate(columns)}
    return sorted(faults, key=lambda each: (each.line, place.get(each.column, len(place)), each.column))
