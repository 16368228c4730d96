"""Documents for people: PDF and web page of an invoice, its UPI code, and the message that brings it."""
