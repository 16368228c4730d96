"""The menu: which page, and its word. Who sees an entry, the policy of its page says."""

MENU = (
    ("home", "menu_today"),
    ("customers", "menu_customers"),
)
