"""The windows in which the console is looked at, and who looks."""

from collections.abc import Callable

from playwright.sync_api import Page

ADMIN = "admin@dairy.example"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
Open = Callable[..., Page]
