"""Every error a client can get: one table of codes, one exception, one shape (RFC 9457).

A service raises ``Problem(code, detail)`` and knows nothing of HTTP. The database raises by constraint;
the code then is in the constraint's ``info`` or, for a trigger, in the head of its file of SQL.
A fault that nobody named is ``internal_error`` and shows the client nothing of itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from http import HTTPStatus
from typing import Any
from uuid import UUID

#: code → (HTTP status, title). The codes are a contract with clients: add, never rename.
CODES: dict[str, tuple[int, str]] = {
    # 400: the request can be read, but business dates or states forbid it (see the API notes)
    "malformed_request": (400, "The request could not be read"),
    "bad_signature": (400, "The signature is missing or wrong"),
    "order_cancelled": (400, "The order is cancelled"),
    "delivery_date_in_future": (400, "The delivery date is in the future"),
    "delivery_date_outside_window": (400, "The delivery date is too far from the order's date"),
    # 401, 403
    "not_authenticated": (401, "Log in first"),
    "token_expired": (401, "The token has expired"),
    "token_revoked": (401, "The token is no longer valid"),
    "bad_credentials": (401, "Login or password is wrong"),
    "pin_required": (401, "Unlock the link with its PIN first"),
    "wrong_pin": (401, "The PIN is wrong"),
    "reset_code_invalid": (401, "The code for a new password is not valid"),
    "forbidden": (403, "Your role may not do this"),
    "user_inactive": (403, "This login has been deactivated"),
    # 404: also for what the caller may not see
    "not_found": (404, "Not found"),
    "user_not_found": (404, "No such user"),
    "product_not_found": (404, "No such product"),
    "tax_class_not_found": (404, "No such tax class"),
    "area_not_found": (404, "No such area"),
    "customer_not_found": (404, "No such customer"),
    "subscription_not_found": (404, "No such subscription"),
    "move_not_found": (404, "No such move"),
    "pause_not_found": (404, "No such pause"),
    "charge_rule_not_found": (404, "No such charge rule"),
    "change_not_found": (404, "No such change"),
    "closed_day_not_found": (404, "No such closed day"),
    "container_not_found": (404, "No such container"),
    "order_not_found": (404, "No such order"),
    "photo_not_found": (404, "No photo of this delivery"),
    "invoice_not_found": (404, "No such invoice"),
    "billing_run_not_found": (404, "No such billing run"),
    "adjustment_not_found": (404, "No such adjustment"),
    "credit_note_not_found": (404, "No such credit note"),
    "debit_note_not_found": (404, "No such debit note"),
    "payment_not_found": (404, "No such payment"),
    "refund_not_found": (404, "No such refund"),
    "payment_link_not_found": (404, "No such payment link"),
    "bank_statement_not_found": (404, "No such bank statement"),
    "gateway_event_not_found": (404, "No such event of a gateway"),
    "opening_balance_not_found": (404, "No such opening balance"),
    "cash_settlement_not_found": (404, "No such settlement"),
    "profile_not_found": (404, "No such export"),
    "message_not_found": (404, "No such message"),
    "message_template_not_found": (404, "No such message template"),
    "reminder_rule_not_found": (404, "No such reminder rule"),
    "message_kind_not_found": (404, "No such kind of message"),
    "link_not_found": (404, "No such link"),
    "webhook_endpoint_not_found": (404, "No such endpoint"),
    "event_not_found": (404, "No such event"),
    "change_request_not_found": (404, "No such request"),
    "method_not_allowed": (405, "This address does not take that method"),
    # 409: true of the data as they stand
    "illegal_transition": (409, "The state does not allow this"),
    "confirmed_differently": (409, "The delivery was already confirmed with other quantities"),
    "customer_mismatch": (409, "The order belongs to another customer"),
    "customer_stopped": (409, "The customer is stopped"),
    "customer_merged": (409, "The customer was merged into another"),
    "merge_refused": (409, "These customers cannot be merged as they are"),
    "invoice_issued": (409, "The invoice is issued and can no longer change"),
    "invoice_not_issued": (409, "The invoice is not issued"),
    "invoice_paid": (409, "Payments have been applied to this invoice"),
    "period_not_ended": (409, "The period has not ended"),
    "period_closed": (409, "The books of that period are closed"),
    "archived": (409, "The deliveries of that month are archived"),
    "unusual_total": (409, "The total differs unusually from the month before"),
    "already_exists": (409, "Already exists"),
    "overlaps": (409, "Overlaps an existing entry"),
    "in_use": (409, "Still in use"),
    "payer_refused": (409, "Cannot be billed to this customer"),
    "credit_hold": (409, "The customer is at its credit limit"),
    "day_closed": (409, "Nothing is delivered on that day"),
    "gateway_not_configured": (409, "No payment gateway is set up"),
    "gateway_refused": (409, "The payment gateway refused"),
    "backup_under_way": (409, "A backup is being written just now"),
    "self_check_failed": (409, "The tables of the return do not agree"),
    "e_invoices_incomplete": (409, "Some documents lack what the portal asks for"),
    "under_composition": (409, "The dairy pays GST by composition"),
    "return_filed": (409, "The return of that month is filed"),
    # 410 – 429
    "link_expired": (410, "The link has expired"),
    "link_revoked": (410, "The link has been revoked"),
    "events_gone": (410, "Events behind that one are deleted by now"),
    "precondition_failed": (412, "Changed since you read it"),
    "payload_too_large": (413, "The request is too large"),
    "unsupported_media_type": (415, "Another media type is needed"),
    "validation_failed": (422, "Some fields are not valid"),
    "quantity_exceeds_ordered": (422, "More delivered than ordered"),
    "product_not_in_order": (422, "The order has no such product"),
    "product_inactive": (422, "The product is no longer sold"),
    "no_price": (422, "The product has no price on that date"),
    "quantity_unusual": (422, "More than is usual in one order"),
    "below_minimum": (422, "Less than the smallest order"),
    "extra_above_limit": (422, "More extra items than allowed at one door and day"),
    "cutoff_passed": (422, "Too late for a change of that date"),
    "idempotency_key_reused": (422, "The Idempotency-Key was used for another request"),
    "allocation_exceeds_balance": (422, "More than the open balance"),
    "more_back_than_out": (422, "More empties back than went out"),
    "too_many_empties": (422, "More empties than one customer can have"),
    "refund_exceeds_credit": (422, "More paid back than the credit"),
    "credit_exceeds_line": (422, "More taken back than the invoice line has"),
    "rate_limited": (429, "Too many attempts"),
    "too_many_attempts": (429, "Too many wrong codes; ask for a new one"),
    "headers_too_large": (431, "The headers are too large"),
    # 5xx
    "internal_error": (500, "Something went wrong on our side"),
    "not_implemented": (501, "This server does not do that"),
    "database_unavailable": (503, "The database cannot be reached"),
    "database_busy": (503, "The database is busy"),
    "timed_out": (503, "It took too long"),
    "database_read_only": (503, "The database takes no changes"),
    "database_rights_missing": (503, "The program has no rights on the tables of the database"),
    "database_outdated": (503, "The database is behind this version of the program"),
    "gateway_unavailable": (503, "The payment gateway cannot be reached"),
    "files_unavailable": (503, "Files cannot be stored or read"),
    "backup_failed": (503, "The backup could not be made"),
    "database_full": (507, "The database has no room left"),
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that is wrong: where (JSON pointer), a stable code, and words for people.

    ``conflicts_with``: what is there already, where a span of days overlaps: its id and its first and last day.
    """

    pointer: str
    code: str
    detail: str
    conflicts_with: Mapping[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        """As clients get it."""
        said = {"pointer": self.pointer, "code": self.code, "detail": self.detail}
        return said if self.conflicts_with is None else {**said, "conflicts_with": self.conflicts_with}


@dataclass(slots=True, eq=False)
class Problem(Exception):
    """A refusal with a stable ``code`` of ``CODES``, words for people, and facts for programs.

    Raised, it rolls the transaction back. To refuse and still keep what was recorded (a failed login),
    return ``web.http.refusal(Problem(…))`` from the view instead.
    """

    code: str
    detail: str = ""
    errors: list[FieldError] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise LookupError(f"error code {self.code!r} is not in the table")

    @property
    def status(self) -> int:
        return CODES[self.code][0]

    def __str__(self) -> str:
        return self.detail or CODES[self.code][1]

    def document(self, instance: str) -> dict[str, Any]:
        """The ``application/problem+json`` body; ``instance`` names this occurrence (the request id)."""
        status, title = CODES[self.code]
        return {
            "type": f"urn:dairy:problem:{self.code}",
            "title": title,
            "status": status,
            "code": self.code,
            "detail": str(self),
            "instance": instance,
            "errors": [each.document() for each in self.errors],
            **self.facts,
        }


def invalid(pointer: str, detail: str, code: str = "invalid") -> Problem:
    """``validation_failed`` for one field, for rules that only a service can judge."""
    return Problem("validation_failed", detail, [FieldError(pointer, code, detail)])


def overlaps(pointer: str, detail: str, key: UUID, first: date, last: date | None) -> Problem:
    """``overlaps`` at one field, with the entry that is there already; ``last`` None: it has no end."""
    there = {"id": str(key), "from": first.isoformat(), "to": last and last.isoformat()}
    return Problem("overlaps", detail, [FieldError(pointer, "overlaps", detail, there)])


def code_of_http_status(status: int) -> str:
    """The code for an error that the web framework raised (an unknown address, a wrong method)."""
    known = {400: "malformed_request", 401: "not_authenticated", 403: "forbidden", 404: "not_found"}
    known |= {405: "method_not_allowed", 412: "precondition_failed", 413: "payload_too_large"}
    known |= {415: "unsupported_media_type", 422: "validation_failed", 429: "rate_limited"}
    known |= {431: "headers_too_large", 501: "not_implemented"}
    if status in known:
        return known[status]
    return "malformed_request" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal_error"
