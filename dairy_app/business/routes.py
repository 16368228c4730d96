"""``/settings``: who the dairy is and by which rules it bills."""

from dairy_app.business import queries, service
from dairy_app.business.models import BusinessSettings
from dairy_app.business.schemas import SettingsOut, SettingsPatch
from dairy_app.web.access import Role, allow
from dairy_app.web.etags import etagged, etagged_by
from dairy_app.web.http import Blueprint, current_session

business = Blueprint("settings", __name__, description="The dairy itself")


@business.route("/settings")
@etagged
@business.response(200, SettingsOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def read_settings() -> BusinessSettings:
    """The dairy's settings."""
    return queries.business_settings(current_session())


@business.route("/settings", methods=["PATCH"])
@etagged_by(lambda: queries.lock_settings(current_session()))
@business.arguments(SettingsPatch)
@business.response(200, SettingsOut)
@allow(Role.ADMIN)
def patch_settings(changes: service.SettingsChange) -> BusinessSettings:
    """Change the settings that are sent."""
    return service.change_settings(current_session(), changes)
