"""The dairy itself: its one row of settings, its time zone, its calendar.

It stands low in the import order because every domain asks it what day it is. Rules: there is exactly one
row; a missing business name or state blocks issuing invoices, never anything else.
"""
