"""What is wanted on one date: one-time orders, the dated orders that standing ones become, and days with nothing.

Rules: the server sets every price, as of the planned date; an order is DELIVERED or PARTIALLY_DELIVERED
exactly while it is on an invoice (``ck_orders_delivered_iff_on_invoice``); its items may be touched only
while that invoice is a draft; nothing is ordered for a closed day.
"""
