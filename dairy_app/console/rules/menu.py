"""The menu: which page, and its word. Who sees an entry, the policy of its page says."""

MENU = (
    ("home", "menu_today"),
    ("customers", "menu_customers"),
    ("month_end", "menu_month_end"),
    ("who_owes", "menu_who_owes"),
)
