"""What the application costs over plain SQL: every figure is a ratio to a floor of the same run and database.

A floor is the least SQL that does the same work, run by psql or pgbench with no Python in between and with the
tables' own triggers off (foreign keys and CHECKs stay). Ours keeps everything on. Both take turns, the median counts.
"""
