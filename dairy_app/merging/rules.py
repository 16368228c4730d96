"""What two customers must be like to be merged."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dairy_app.web.schemas import MAX_MONEY

#: Why a merge is refused → what there is to do.
REASONS = {
    "already_merged": "The customer was merged into another already.",
    "into_merged": "The customer to merge into was merged into another itself: merge into that one.",
    "into_stopped": "The customer to merge into is stopped, and the other still gets something: start it again first.",
    "into_paused": "The customer to merge into is paused, and the other still gets something: let it go on first.",
    "into_not_begun": "The trial of the customer to merge into begins after what the other gets: begin it earlier.",
    "would_come": "The customer gets nothing now, and its standing orders would come with the other: stop them first.",
    "billed_otherwise": "They are billed to different customers: let both be billed to the same one first.",
    "on_draft_of_another": "A bill of somebody else to come still has deliveries of one of them: issue it first.",
    "documents_overlap": "Both have invoices of the same days; one customer has one: void those of one of them.",
    "taxed_otherwise": "What is not billed yet would be taxed otherwise: make state and GSTIN alike, or bill it first.",
    "out_for_delivery": "Orders of the customer are on their way: confirm them first.",
    "both_opening_balances": "Both have opening balances, as of different days: take one back and enter the sum.",
    "opening_balances_too_large": "The opening balances of both are more than one can be: correct one of them.",
    "balance_too_large": "What both owe together is more than an invoice can show: correct it first.",
    "too_many_empties": "Both together have more empties than one customer can have: correct the counts first.",
    "same_cheque": "Both have paid by a cheque of the same number: reverse one that was entered twice.",
    "move_to_come": "A move of the customer is still to come: take it back, or enter it with the other.",
    "same_transfer": "Both were paid back by the same transfer: reverse one of the refunds.",
    "same_request": "Both wait for a decision about the same wish: decide one.",
    "billing_running": "A billing run is at work: wait until it is done.",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why two customers are not merged: one of ``REASONS``, with what it is about, for people."""

    code: str
    about: str | None = None

    @property
    def detail(self) -> str:
        return f"{REASONS[self.code]} ({self.about})" if self.about else REASONS[self.code]


def refused_by_state(customer: Mapping[str, Any], into: Mapping[str, Any]) -> list[Refusal]:
    """What the two customers' own rows refuse."""
    found = []
    if customer["merged_into"] is not None:
        found.append(Refusal("already_merged"))
    if into["merged_into"] is not None:
        found.append(Refusal("into_merged"))
    return found


def refused_by_balance(together: Decimal) -> list[Refusal]:
    """What the sum of both balances refuses."""
    return [Refusal("balance_too_large", f"{together:.2f}")] if abs(together) > MAX_MONEY else []


def login_after(customer: Mapping[str, Any], into: Mapping[str, Any]) -> str:
    """What becomes of the customer's login: ``none`` there is, ``kept`` by the other, who has none, or ``ended``."""
    if customer["user_id"] is None:
        return "none"
    return "kept" if into["user_id"] is None else "ended"
