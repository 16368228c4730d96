"""Merging two customers that are one: the same household registered twice.

The rows move. Orders, standing orders, documents, money, requests and messages of the one become the other's, in one
transaction, so that every reader stays as it is; the customer that is left keeps its code, name and phone, by which
the other is found from then on. What was issued keeps whose it was: the buyer in its snapshot, and the customer that
its hash covers (``issued_to``). Only this changes what is frozen otherwise, and only along ``customers.merged_into``.

It is high up because it names the tables of nearly everybody.
"""
