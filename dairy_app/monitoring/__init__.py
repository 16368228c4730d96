"""Is it alive: the health of the process and its database.

Owns no table. Rules: health needs no login, writes nothing, and shows nothing of the business.
"""
