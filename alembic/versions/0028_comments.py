"""What each table and column means, as the models say.

Why: a DBA reads it in psql (\\d+ orders) without the code.
Locks: SHARE UPDATE EXCLUSIVE on each table for a moment: nobody waits.
Undo: the comments go.
"""

import re

from dairy_app.common.revisions import run

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

COMMENTS = """
COMMENT ON TABLE adjustments IS
    'A charge or a discount that somebody puts on a customer''s draft; a line of its own at issue.';
COMMENT ON COLUMN adjustments.adjusted_on IS 'Decides the draft, as the day of a delivery does.';
COMMENT ON TABLE areas IS 'A part of town; areas may nest.';
COMMENT ON TABLE audit_log IS
    'One change of one row: by whom, on which occasion, from what to what. Written by triggers, never changed.';
COMMENT ON COLUMN audit_log.row_id IS 'The row''s key as text; keys of several columns are joined by "/".';
COMMENT ON TABLE billing_runs IS 'One order to bill: what was asked, how far it is, what came of it.';
COMMENT ON COLUMN billing_runs.through IS
    'Bill up to this day although the period has not ended; drafts are cut there.';
COMMENT ON COLUMN billing_runs.customer_ids IS 'Those that were asked for, ascending; NULL: everybody.';
COMMENT ON COLUMN billing_runs.customers_total IS
    'Customers with something due when the run began, and how many of them are done.';
COMMENT ON COLUMN billing_runs.skipped IS '[{"customer_id": …, "code": …, "detail": …}]';
COMMENT ON COLUMN billing_runs.heartbeat_at IS
    'Written with every chunk; a running run that stays silent was interrupted.';
COMMENT ON TABLE cash_settlements IS
    'Cash that a member of staff hands over, against what was collected and not handed over before.';
COMMENT ON COLUMN cash_settlements.settled_for IS 'Everything collected up to and on this day is in it.';
COMMENT ON COLUMN cash_settlements.variance IS 'Below 0: money is missing.';
COMMENT ON TABLE change_requests IS 'A change somebody at the door asked for; nothing happens until staff approve it.';
COMMENT ON COLUMN change_requests.subscription_id IS 'NULL: for all standing orders of the customer, or for none.';
COMMENT ON COLUMN change_requests.payload IS
    'pause: from, to or null; stop: stop_date; extra_item: delivery_date, shift, items; quantity: date, quantity.';
COMMENT ON COLUMN change_requests.client_event_id IS
    'The offline page''s own key of this request: sent again, it is the same one.';
COMMENT ON COLUMN change_requests.applied_payload IS 'What was done instead of what was asked for; NULL: just that.';
COMMENT ON COLUMN change_requests.applied_order_id IS 'The one-time order that an approved extra item became.';
COMMENT ON TABLE credit_note_lines IS
    'What a credit note takes back of one invoice line; goods, HSN and rate are those of that line.';
COMMENT ON COLUMN credit_note_lines.quantity IS 'NULL when an amount was taken back without goods.';
COMMENT ON TABLE credit_notes IS
    'A numbered paper that takes back a part or all of one issued invoice (CGST Act s. 34). Frozen from birth.';
COMMENT ON COLUMN credit_notes.snapshot IS 'Buyer and seller as they were at issue, in the shape of an invoice''s.';
COMMENT ON COLUMN credit_notes.round_off IS
    'Carried by the note that takes back all that is left, so that nothing of the invoice remains.';
COMMENT ON TABLE customer_prices IS
    'A price agreed with one customer over a range of days; it beats every other price.';
COMMENT ON TABLE customers IS 'One household or shop. Its row is locked by whoever touches its money.';
COMMENT ON COLUMN customers.code IS 'For people: sequential, C000001.';
COMMENT ON COLUMN customers.state_code IS 'Two digits of the GST state list; decides the place of supply.';
COMMENT ON COLUMN customers.stop_sequence IS 'Place in the round; gaps are fine.';
COMMENT ON TABLE delivery_statuses IS 'The latest word on one order''s delivery; earlier words are in the audit log.';
COMMENT ON COLUMN delivery_statuses.delivery_boy_id IS 'Whose round it was; the confirmer may be somebody else.';
COMMENT ON COLUMN delivery_statuses.shared_link_id IS 'NULL for links of the earlier system, too.';
COMMENT ON COLUMN delivery_statuses.client_event_id IS 'The offline app''s own key of this confirmation.';
COMMENT ON COLUMN delivery_statuses.device_time IS
    'What the phone''s clock said; kept beside the server''s ``confirmed_at``, never reckoned with.';
COMMENT ON COLUMN delivery_statuses.corrected_at IS
    'The latest correction; columns of their own, so that the notes stay what was said at the door.';
COMMENT ON TABLE generated_days IS
    'A day whose orders have been generated: a later change of a standing order makes and unmakes them at once.';
COMMENT ON TABLE idempotency_keys IS 'One request that a client marked as repeatable, with its answer.';
COMMENT ON TABLE import_quarantine IS
    'One document of the earlier system that could not be placed, kept whole with the reason.';
COMMENT ON COLUMN import_quarantine.reason IS 'A stable word, for example ``customer_unresolved``.';
COMMENT ON COLUMN import_quarantine.detail IS 'The value in question, for people.';
COMMENT ON COLUMN import_quarantine.document IS 'Relaxed Extended JSON, without password hashes.';
COMMENT ON COLUMN import_quarantine.content_hash IS
    'MD5 of the document as it was in its dump, but for its object id: two documents may share one key.';
COMMENT ON TABLE imported_bills IS 'One bill record of the earlier system about one imported order.';
COMMENT ON COLUMN imported_bills.billed_month IS 'The month it was meant for, YYYY-MM; often not that of the delivery.';
COMMENT ON TABLE invitations IS 'A link that lets its user set a password once. Only the token''s hash is stored.';
COMMENT ON TABLE invoice_lines IS
    'One line of an issued invoice: delivered quantity × price, with its tax. Frozen with its invoice.';
COMMENT ON COLUMN invoice_lines.prior_period IS 'Delivered before the invoice''s period began (confirmed late).';
COMMENT ON COLUMN invoice_lines.deliveries IS 'How many orders are in the line.';
COMMENT ON TABLE invoice_links IS 'How often, and when last, the links of an invoice were revoked; no row: never.';
COMMENT ON TABLE invoices IS
    'One paper of one customer for one period: a draft that orders join, or an issued, frozen document.';
COMMENT ON COLUMN invoices.companion_of IS
    'Second paper of the same period, where the law wants two; orders stay on the first.';
COMMENT ON COLUMN invoices.financial_year IS '``2627`` is April 2026 to March 2027.';
COMMENT ON COLUMN invoices.snapshot IS 'Buyer and seller as they were at issue: {"buyer": {…}, "seller": {…}}.';
COMMENT ON COLUMN invoices.exempt_value IS
    'Value of exempt, nil-rated and non-GST lines, and of all lines of a seller without GSTIN.';
COMMENT ON COLUMN invoices.previous_balance IS 'What the customer owed just before this paper was issued.';
COMMENT ON COLUMN invoices.voided_after_return IS
    'An admin voided it although the return of its month was filed; the exports'' manifest names it.';
COMMENT ON COLUMN invoices.document_hash IS
    'SHA-256 over ``previous_hash`` and the document''s canonical content (``billing/ddl.py``).';
COMMENT ON COLUMN invoices.irn IS
    'What the government''s portal answered when the paper was registered there (CGST Rules r. 48 (4)): its number,'
    ' the receipt''s number and moment, and the signed text of the QR code that the paper must bear. Written once.';
COMMENT ON TABLE login_attempts IS
    'One failed try at a login, a link or the like, by what was tried (hashed) and the address; for throttling.';
COMMENT ON TABLE number_series IS
    'The next number of one series in one financial year. Locked, at issue only, until the commit.';
COMMENT ON COLUMN number_series.last_date IS 'An invoice is never dated before the last one of its series.';
COMMENT ON TABLE opening_balances IS
    'What a customer owed (above 0) or had paid in advance (below 0) when the books here began.';
COMMENT ON TABLE order_items IS 'One product of an order: how much was wanted, at which price, and how much came.';
COMMENT ON COLUMN order_items.unit_price IS 'Rupees per unit, fixed when the order is made.';
COMMENT ON COLUMN order_items.delivered_quantity IS 'NULL until confirmed.';
COMMENT ON TABLE orders IS 'What one customer gets on one date, once.';
COMMENT ON COLUMN orders.delivery_date IS 'The planned day; it decides the price.';
COMMENT ON COLUMN orders.delivery_boy_id IS
    'NULL: the customer''s own delivery boy and area. Fixed when the round starts: who moves then, moves from the '
    'next order on.';
COMMENT ON COLUMN orders.address IS 'The address as it stood when the order was placed.';
COMMENT ON COLUMN orders.delivered_on IS 'The day it was really delivered; it decides the billing period.';
COMMENT ON COLUMN orders.cancelled_by_subscription IS
    'A change of the standing order cancelled it; lifting the change brings it back.';
COMMENT ON TABLE outbox_messages IS
    'One message to one customer, written as it shall be sent. Nothing here sends: a sender takes it from here.';
COMMENT ON COLUMN outbox_messages.recipient IS 'A telephone number as in E.164, or an e-mail address.';
COMMENT ON COLUMN outbox_messages.attempts IS 'How often a sender tried.';
COMMENT ON COLUMN outbox_messages.error IS 'What the last try failed with.';
COMMENT ON TABLE payment_allocations IS
    'What somebody chose to settle with a payment. Everything else goes to what is oldest (``ddl.py``).';
COMMENT ON COLUMN payment_allocations.released_on IS
    'From this day on the money is free again: the payment was reversed, the invoice voided, or it was chosen anew.';
COMMENT ON TABLE payments IS
    'Money that came in from a customer. Never changed or deleted, only reversed (a cheque that bounced).';
COMMENT ON COLUMN payments.receipt_no IS 'For people: R0000001.';
COMMENT ON COLUMN payments.reference IS 'UTR of a transfer, number of a cheque.';
COMMENT ON COLUMN payments.collected_by IS
    'Who took the cash at the door and owes it to the dairy until it is settled.';
COMMENT ON TABLE product_prices IS 'The list price of a product over a range of days, in rupees per unit.';
COMMENT ON TABLE products IS 'Something the dairy sells.';
COMMENT ON COLUMN products.packet_size IS 'Litres or kilograms in one packet.';
COMMENT ON COLUMN products.minimum_price IS
    'What staff may quote at least, in rupees per unit; NULL: anything above 0. An admin may go below.';
COMMENT ON TABLE receipt_series IS
    'The next number of a receipt; taken under the row''s lock, so that a payment that is refused uses none.';
COMMENT ON TABLE refresh_tokens IS
    'One refresh token; ``id`` is its ``jti``. Rotation makes a new row of the same family.';
COMMENT ON COLUMN refresh_tokens.reused_at IS
    'Answers get lost on bad networks: the token just rotated is accepted once more.';
COMMENT ON TABLE settings IS
    'The dairy: who sells, where, and by which rules it bills. One row, ``id`` is always true.';
COMMENT ON COLUMN settings.time_zone IS 'IANA name; business dates and "today" are read in it.';
COMMENT ON COLUMN settings.prices_include_tax IS 'Household dairies quote prices with the tax in them.';
COMMENT ON COLUMN settings.delivery_window_days IS
    'A delivery may be confirmed for a day this far from the order''s date.';
COMMENT ON COLUMN settings.cutoff_morning IS
    'After this hour of the day before, a customer may not change that shift; NULL: no cut-off.';
COMMENT ON COLUMN settings.unusual_total_percent IS
    'A run whose total differs more than this from the month before asks for confirmation; NULL: never.';
COMMENT ON COLUMN settings.billing_chunk IS 'Customers per transaction of a billing run.';
COMMENT ON COLUMN settings.returns_filed_through IS
    'The last day of the last GST return that is filed; NULL: the end of the month before last.';
COMMENT ON COLUMN settings.default_adjustment_class IS
    'What an adjustment is taxed as when it does not say: as the goods that the dairy mostly sells.';
COMMENT ON COLUMN settings.generation_days_ahead IS
    'How many days after today get their orders from the standing ones at night.';
COMMENT ON COLUMN settings.second_language IS 'What papers for people speak beside English; NULL: nothing.';
COMMENT ON COLUMN settings.invoice_footer IS 'Stands at the foot of every paper.';
COMMENT ON COLUMN settings.invoice_link_version IS
    'Part of every link to an invoice: raising it ends all links given out.';
COMMENT ON COLUMN settings.invoice_link_days IS
    'How long a link to an invoice is good after the day it was made; NULL: for ever.';
COMMENT ON TABLE shared_link_events IS
    'One use of a link, refused ones too; a batch of confirmations is one row an order.';
COMMENT ON COLUMN shared_link_events.result IS '``ok``, ``confirmed``, ``replayed``, or the code of the refusal.';
COMMENT ON TABLE shared_links IS
    'A link to the round of one delivery boy or one area; of its token only the SHA-256 is stored.';
COMMENT ON COLUMN shared_links.name IS 'What confirmations are signed with: a link has no person.';
COMMENT ON COLUMN shared_links.is_rolling IS
    'For today, whichever day that is; and for yesterday, for what was sent late.';
COMMENT ON COLUMN shared_links.shift IS 'NULL: both shifts.';
COMMENT ON COLUMN shared_links.failed_attempts IS 'Wrong PINs since the last right one.';
COMMENT ON COLUMN shared_links.window_started_at IS
    'The minute that is being counted, and what was spent in it (rate limit).';
COMMENT ON TABLE subscription_overrides IS
    'The quantity of one day, whatever the standing order says; 0 is a quantity. Clearing it deletes the row.';
COMMENT ON COLUMN subscription_overrides.kind IS
    'A label: ``irregular`` is a planned day of an irregular customer, ``override`` a change. Both count alike.';
COMMENT ON COLUMN subscription_overrides.shift IS 'NULL: the standing order''s.';
COMMENT ON TABLE subscription_pauses IS
    'Days on which nothing comes; an open end lasts until somebody resumes. Two never overlap.';
COMMENT ON TABLE subscription_quantities IS
    'A new default quantity "till further notice": from a day on, until the next one.';
COMMENT ON TABLE subscriptions IS 'One product that one customer wants regularly, in one shift.';
COMMENT ON COLUMN subscriptions.default_quantity IS
    'From the start; ``subscription_quantities`` holds what it became later.';
COMMENT ON COLUMN subscriptions.weekly_pattern IS 'Weekdays, 0 = Monday.';
COMMENT ON COLUMN subscriptions.price_per_unit IS 'Quoted to this customer; NULL: the price list decides on the day.';
COMMENT ON COLUMN subscriptions.stop_date IS 'The stop day itself is not delivered.';
COMMENT ON COLUMN subscriptions.requested_by IS
    'Who asked for it to be as it is, by which way and why; earlier words are in the audit log.';
COMMENT ON TABLE tax_classes IS
    'Goods taxed alike. One HSN code may hold several classes (loose and packed, fresh and UHT).';
COMMENT ON COLUMN tax_classes.is_packed IS 'True: pre-packed goods only; False: loose only; NULL: both.';
COMMENT ON TABLE tax_rates IS 'The rate of a tax class over a range of days.';
COMMENT ON COLUMN tax_rates.source IS
    'Where the rate comes from: the notification, and that an accountant should check it.';
COMMENT ON TABLE unlinked_customers IS
    'A customer whose login revision 0004 would have had to guess; somebody links it by hand.';
COMMENT ON COLUMN unlinked_customers.candidates IS 'The users that would fit.';
COMMENT ON TABLE unlinked_delivery_statuses IS
    'A delivery row older than revision 0003 that fits no order, or several; kept for review, never guessed.';
COMMENT ON COLUMN unlinked_delivery_statuses.document IS 'The row as it was.';
COMMENT ON TABLE users IS 'One person who can log in. No password hash: invited, not yet arrived.';
COMMENT ON COLUMN users.password_hash IS
    'argon2; bcrypt for logins imported from the earlier system, re-hashed at the next login.';
COMMENT ON COLUMN users.token_version IS
    'Raised by deactivation and password change; tokens carry it, so older ones die at once.';
COMMENT ON TABLE write_offs IS
    'What the dairy gives up: of one invoice, or of whatever the customer owes. The paper stays valid.';
"""


def upgrade() -> None:
    run(COMMENTS)


def downgrade() -> None:
    run("\n".join(f"{each} IS NULL;" for each in re.findall("^COMMENT ON [A-Z]+ [a-z_.]+", COMMENTS, re.MULTILINE)))
