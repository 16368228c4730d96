"""Is it alive, is it in order, who changed what: health, figures, reports of consistency, the audit log.

Owns ``audit_log`` and the triggers on other packages' tables that write it. Rules: health needs no login, writes
nothing, and shows nothing of the business; the log is only added to, by triggers alone, and read by admins.
"""
