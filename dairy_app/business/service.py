"""Changing the dairy's settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal

from sqlalchemy.orm import Session

from dairy_app.business.models import BusinessSettings
from dairy_app.business.queries import business_settings, today
from dairy_app.common.changes import UNSET, Unset, sent
from dairy_app.common.errors import invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChange:
    """What shall be different in the settings; what is UNSET stays as it is."""

    business_name: str | Unset | None = UNSET
    legal_name: str | Unset | None = UNSET
    address: str | Unset | None = UNSET
    city: str | Unset | None = UNSET
    pincode: str | Unset | None = UNSET
    gstin: str | Unset | None = UNSET
    gst_scheme: str | Unset = UNSET
    state_code: str | Unset | None = UNSET
    fssai_no: str | Unset | None = UNSET
    phone: str | Unset | None = UNSET
    upi_id: str | Unset | None = UNSET
    time_zone: str | Unset = UNSET
    language: str | Unset = UNSET
    invoice_series: str | Unset = UNSET
    credit_note_series: str | Unset = UNSET
    debit_note_series: str | Unset = UNSET
    due_days: int | Unset = UNSET
    invoice_date_rule: str | Unset = UNSET
    prices_include_tax: bool | Unset = UNSET
    tax_rate_date: str | Unset = UNSET
    delivery_window_days: int | Unset = UNSET
    cutoff_morning: time | Unset | None = UNSET
    cutoff_evening: time | Unset | None = UNSET
    unusual_total_percent: Decimal | Unset | None = UNSET
    billing_chunk: int | Unset = UNSET
    books_closed_through: date | Unset | None = UNSET
    returns_filed_through: date | Unset | None = UNSET
    default_adjustment_class: str | Unset | None = UNSET
    generation_days_ahead: int | Unset = UNSET
    financial_year_start_month: int | Unset = UNSET
    second_language: str | Unset | None = UNSET
    invoice_footer: str | Unset | None = UNSET
    invoice_link_version: int | Unset = UNSET
    invoice_link_days: int | Unset | None = UNSET
    show_due_at_door: bool | Unset = UNSET
    cash_over_links: bool | Unset = UNSET
    door_extras: str | Unset = UNSET
    door_extra_limit: Decimal | Unset | None = UNSET
    max_order_quantity: Mapping[str, Decimal | None] | Unset = UNSET
    minimum_order_amount: Decimal | Unset | None = UNSET
    on_credit_limit: str | Unset = UNSET
    event_days: int | Unset = UNSET
    photo_days: int | Unset | None = UNSET


def change_settings(session: Session, asked: SettingsChange) -> BusinessSettings:
    """Change what is asked for, leave the rest. The CHECKs of the table judge the values together.

    A return can only be filed for days that are over. A scheme of GST other than none needs a GSTIN, and none has none.
    """
    changes = sent(asked)
    filed = changes.get("returns_filed_through")
    if filed is not None and filed >= today(session):
        raise invalid("/returns_filed_through", "Must be a day that is over.")
    changes |= {f"max_{unit}": most for unit, most in changes.pop("max_order_quantity", {}).items()}
    settings = business_settings(session)
    changes |= _scheme(settings, changes, today(session))
    for name, value in changes.items():
        setattr(settings, name, value)
    session.flush()
    return settings


def _scheme(settings: BusinessSettings, changes: Mapping[str, object], day: date) -> dict[str, object]:
    """The scheme of GST after ``changes``, and since when where it is another one.

    Who names only a GSTIN knows nothing of schemes: with the first one the dairy is regular, without one it is none; a
    composition dealer that corrects its GSTIN stays one.
    """
    gstin = changes.get("gstin", settings.gstin)
    scheme = settings.gst_scheme
    if "gstin" in changes:
        scheme = "none" if gstin is None else "regular" if scheme == "none" else scheme
    scheme = str(changes.get("gst_scheme", scheme))
    if scheme == "none" and gstin is not None:
        raise invalid("/gst_scheme", "Who has a GSTIN is registered: regular or composition. Clear the GSTIN for none.")
    if scheme != "none" and gstin is None:
        raise invalid("/gst_scheme", "Needs the dairy's GSTIN.", "required")
    if scheme == settings.gst_scheme:
        return {}
    # Before the dairy had a name it could bill nothing: that is its first scheme, and no change.
    return {"gst_scheme": scheme} | ({"gst_scheme_since": day} if settings.business_name else {})
