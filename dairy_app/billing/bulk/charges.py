"""Writing charge rules. Bills are issued by rules that nobody takes back meanwhile."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import delete, text, update
from sqlalchemy.orm import Session

from dairy_app.billing.models import ChargeRule

#: Taking back a rule excludes issuing bills ("charge" in ASCII).
CHARGING = 0x636861726765
_QUIET: dict[str, Any] = {"synchronize_session": False}


def lock_charging(session: Session) -> None:
    """Wait until no bill is issued, and keep issuing out until the end."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CHARGING})


def write_charge_rule(session: Session, charge_rule_id: UUID, row: Mapping[str, Any]) -> None:
    """Write columns of a rule; the database lets it end or be described anew, nothing else."""
    session.execute(update(ChargeRule).where(ChargeRule.id == charge_rule_id).values(row).execution_options(**_QUIET))


def delete_charge_rule(session: Session, charge_rule_id: UUID) -> None:
    """Delete a rule by which no bill was issued."""
    session.execute(delete(ChargeRule).where(ChargeRule.id == charge_rule_id).execution_options(**_QUIET))
