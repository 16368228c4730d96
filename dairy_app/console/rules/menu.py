"""The menu: which page, and its word. Who sees an entry, the policy of its page says."""

MENU = (
    ("home", "menu_today"),
    ("rounds", "menu_rounds"),
    ("orders", "menu_orders"),
    ("requests", "menu_requests"),
    ("customers", "menu_customers"),
    ("grid", "menu_grid"),
    ("month_end", "menu_month_end"),
    ("who_owes", "menu_who_owes"),
    ("bills", "menu_bills"),
    ("figures", "menu_figures"),
    ("products", "menu_products"),
    ("charges", "menu_charges"),
    ("containers", "menu_containers"),
    ("areas", "menu_areas"),
    ("days_off", "menu_days_off"),
    ("people", "menu_people"),
    ("settings", "menu_settings"),
    ("audit_log", "menu_audit_log"),
    ("health", "menu_health"),
    ("start", "menu_start"),
)
