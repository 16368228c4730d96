"""What the application costs over plain SQL: every figure is a ratio to a floor of the same run and database.

A floor is the least SQL that does the same work, run by psql or pgbench with no Python in between. What writes has a
bare floor, without our triggers, and one with the same guarantees. Ours and floors take turns, the median counts.
README.md says how to read the figures and how they are made.
"""
