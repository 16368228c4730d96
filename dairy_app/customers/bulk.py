"""Set-based writes of customers."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session


def open_areas(session: Session, names: Sequence[str]) -> None:
    """Make the areas that are not there, whatever their capitals. Two at once get the same ones."""
    session.execute(
        text("""
            INSERT INTO areas (name)
            SELECT DISTINCT ON (lower(name)) name FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS n (name, place)
            ORDER BY lower(name), place
            ON CONFLICT (lower(name)) DO NOTHING"""),
        {"names": list(names)},
    )


def insert_customers(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Write customers: columns by name, ``area`` by the area's name; what is left out has its usual value."""
    session.execute(
        text("""
            INSERT INTO customers (id, user_id, code, name, phone, email, address_line1, address_line2, city,
                state_code, pincode, latitude, longitude, map_link, area_id, delivery_boy_id, stop_sequence,
                marketing_staff_id, status, trial_start_date, billing_cycle, language, gstin, gst_treatment, notes)
            SELECT r.id, r.user_id, coalesce(r.code, 'C' || lpad(nextval('customer_codes')::text, 6, '0')), r.name,
                r.phone, r.email, r.address_line1, r.address_line2, r.city, r.state_code, r.pincode, r.latitude,
                r.longitude, r.map_link, a.id, r.delivery_boy_id, r.stop_sequence, r.marketing_staff_id,
                coalesce(r.status, 'active'), r.trial_start_date, coalesce(r.billing_cycle, 'monthly'), r.language,
                r.gstin, coalesce(r.gst_treatment, 'consumer'), r.notes
            FROM jsonb_to_recordset(CAST(:rows AS jsonb)) r (line integer, id uuid, user_id uuid, code text, name text,
                phone text, email text, address_line1 text, address_line2 text, city text, state_code text,
                pincode text, latitude numeric, longitude numeric, map_link text, area text, delivery_boy_id uuid,
                stop_sequence integer, marketing_staff_id uuid, status text, trial_start_date date,
                billing_cycle text, language text, gstin text, gst_treatment text, notes text)
            LEFT JOIN areas a ON lower(a.name) = lower(r.area)
            ORDER BY r.line"""),
        {"rows": json.dumps(rows, default=str)},
    )
