"""Papers for people: PDF and web page of an invoice, its UPI code, its message, and the outbox that senders empty."""
