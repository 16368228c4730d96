"""Documents for people: PDF and web page of an invoice, its UPI code and message, and the outbox that senders empty."""
