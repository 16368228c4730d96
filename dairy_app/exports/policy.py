"""Who may export what, beside what the routes say."""

from dairy_app.common.errors import Problem
from dairy_app.exports.files.downloads import Download
from dairy_app.web.access import Actor, Role


def check_export(actor: Actor, download: Download) -> None:
    """Raise ``forbidden`` for a file of what the caller does not see otherwise: accountants see no standing orders."""
    if download.is_for_admins and actor.role is not Role.ADMIN:
        raise Problem("forbidden", f"{download.name} is for admins.")
