"""Every file that can be asked for: by name and form, how it is made and what it totals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from dairy_app.common.errors import Problem, invalid
from dairy_app.exports.books import tally
from dairy_app.exports.files.streams import Source
from dairy_app.exports.files.workbooks import WorkbookSource
from dairy_app.exports.gst import gstr1_set, portal, registration
from dairy_app.exports.gst.einvoice import EINVOICE
from dairy_app.exports.gst.gstr1 import GSTR1
from dairy_app.exports.gst.gstr3b import GSTR3B
from dairy_app.exports.gst.self_checks import Check, self_checks
from dairy_app.exports.registers.columns import Profile
from dairy_app.exports.registers.profiles import PROFILES, count_of, csv_of, totals_of
from dairy_app.exports.rules import Span, span_of

#: Form → media type.
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
    "xml": "application/xml; charset=utf-8",
    "json": "application/json",
}


@dataclass(frozen=True, slots=True)
class Download:
    """One file. ``source`` takes the days and whether a CSV begins with the byte order mark."""

    name: str
    version: int
    form: str
    source: Callable[[Span, bool], Source]
    count: Callable[[Session, Span], int]
    sums: Callable[[Session, Span], Mapping[str, Decimal]]
    #: What must agree in it; empty when there is nothing to check.
    checks: Callable[[Session, Span], Sequence[Check]] = lambda _session, _span: ()
    #: A return of a regular seller, which a composition dealer does not file.
    of_regular: bool = False
    of_customer: bool = False
    is_of_days: bool = True
    is_for_admins: bool = False

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.form]

    def file_name(self, span: Span) -> str:
        return f"{self.name.replace('/', '-')}-v{self.version}-{span.label}.{self.form}"

    def span(
        self,
        period: str | None,
        first: date | None,
        last: date | None,
        as_of: date | None,
        customer_id: UUID | None,
        *,
        today: Callable[[], date],
    ) -> Span:
        """The days that were asked for; of a list that is as it stands those may be left out. Raises as ``span_of``."""
        if not self.is_of_days and not (period or first or last):
            day = today()
            return Span(day, day, str(as_of or day), as_of or day, customer_id)
        return span_of(period, first, last, as_of, customer_id)

    def require(self, span: Span) -> None:
        """Raises validation_failed when a customer is missing, or named where no customer can be chosen."""
        if self.of_customer and span.customer_id is None:
            raise invalid("/query/customer_id", f"{self.name} is about one customer: say which.", "required")
        if span.customer_id is not None and not self.of_customer:
            raise invalid("/query/customer_id", f"{self.name} is about all customers.", "not_taken")


_OF_REGULAR = {profile.name for profile in (*GSTR1, GSTR3B, EINVOICE)}


def _of_profile(profile: Profile, form: str) -> Download:
    def source(span: Span, bom: bool) -> Source:
        return csv_of(profile, span, bom=bom) if form == "csv" else WorkbookSource(profile, span)

    return Download(
        name=profile.name,
        version=profile.version,
        form=form,
        source=source,
        count=lambda session, span: count_of(session, profile, span),
        sums=lambda session, span: totals_of(session, profile, span),
        of_regular=profile.name in _OF_REGULAR,
        of_customer=profile.of_customer,
        is_of_days=profile.is_of_days,
        is_for_admins=profile.is_for_admins,
    )


_SET = Download(
    name="gstr1",
    version=gstr1_set.VERSION,
    form="zip",
    source=gstr1_set.Gstr1Source,
    count=gstr1_set.count_of_set,
    sums=gstr1_set.sums_of_set,
    checks=self_checks,
    of_regular=True,
)
_RETURN = Download(
    name="gstr1",
    version=portal.GSTR1_VERSION,
    form="json",
    source=lambda span, _bom: portal.Gstr1JsonSource(span),
    count=gstr1_set.count_of_set,
    sums=gstr1_set.sums_of_set,
    checks=self_checks,
    of_regular=True,
)
_SUMMARY_RETURN = Download(
    name=GSTR3B.name,
    version=portal.GSTR3B_VERSION,
    form="json",
    source=lambda span, _bom: portal.Gstr3bJsonSource(span),
    count=lambda session, span: count_of(session, GSTR3B, span),
    sums=lambda session, span: totals_of(session, GSTR3B, span),
    of_regular=True,
)
_E_INVOICES = Download(
    name=EINVOICE.name,
    version=EINVOICE.version,
    form="json",
    source=lambda span, _bom: registration.EInvoiceSource(span),
    count=registration.count_of_e_invoices,
    sums=registration.sums_of_e_invoices,
    checks=registration.completeness,
    of_regular=True,
)
_VOUCHERS = Download(
    name="tally",
    version=tally.VERSION,
    form="xml",
    source=lambda span, _bom: tally.VouchersSource(span),
    count=tally.count_of_vouchers,
    sums=tally.sums_of_vouchers,
)
_MASTERS = Download(
    name="tally-masters",
    version=tally.VERSION,
    form="xml",
    source=lambda span, _bom: tally.MastersSource(span),
    count=tally.count_of_masters,
    sums=lambda _session, _span: {},
)

#: By name and form; the first of a name is what is meant when no form is given.
DOWNLOADS: dict[tuple[str, str], Download] = {
    (each.name, each.form): each
    for each in (
        *(_of_profile(profile, form) for profile in PROFILES.values() for form in ("csv", "xlsx")),
        _SET,
        _RETURN,
        _SUMMARY_RETURN,
        _E_INVOICES,
        _VOUCHERS,
        _MASTERS,
    )
}
NAMES = tuple(dict.fromkeys(name for name, _ in DOWNLOADS))


def download_of(name: str, form: str | None = None) -> Download:
    """The file of this name. Raises profile_not_found, also for a form that the name does not come in."""
    forms = {known: each for (other, known), each in DOWNLOADS.items() if other == name}
    if not forms:
        raise Problem("profile_not_found", f"There are: {', '.join(NAMES)}.")
    if form is not None and form not in forms:
        raise Problem("profile_not_found", f"{name} comes as {' and '.join(forms)}.")
    return forms[form] if form else next(iter(forms.values()))
