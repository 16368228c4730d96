"""Do photos and their files agree: what no constraint can hold, because a file is in no transaction."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from dairy_app.monitoring.queries.consistency import EXAMPLES, Finding, Report
from dairy_app.photos.service import compare
from dairy_app.photos.store import files_of
from dairy_app.settings import Settings

#: As the reports of consistency; what is found is not found by SQL.
REPORTS = (
    Report(
        "photos_without_file",
        "high",
        "Photos of deliveries whose file is missing or of another size: bring the folder back from its backup.",
        "",
    ),
    Report(
        "files_without_photo",
        "medium",
        "Files of photos without a row in the database: `dairy photos purge` deletes them.",
        "",
    ),
)


def find(session: Session, settings: Settings) -> list[Finding]:
    """Both reports, also when they found nothing. A folder that cannot be read holds no file."""
    compared = compare(session, files_of(settings))
    return [
        Finding(each.name, each.severity, each.means, len(found), _first(found))
        for each, found in zip(REPORTS, (compared.without_file, compared.without_row), strict=True)
    ]


def _first(found: Sequence[str]) -> list[str]:
    return sorted(found)[:EXAMPLES]
