"""Files that belong to pages: scripts, styles and icons of a package, kept by browsers for good under their version."""

import hashlib
from functools import cached_property
from pathlib import Path

from flask import Response, request, url_for
from werkzeug.exceptions import NotFound

YEAR = 365 * 24 * 3600
#: The media types are written out: a system's own table may call scripts plain text, which browsers then refuse.
_MEDIA = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".txt": "text/plain",
}


class PageFiles:
    """The files of a folder and those below it, read once. ``endpoint`` answers with them: it takes a ``version`` and a
    ``name``, which is a path where the file is in a folder of its own.

    ``also``: what else makes another version when it changes, as the words that a script shows.
    """

    def __init__(self, folder: Path, endpoint: str, also: str = "") -> None:
        self._folder, self._endpoint, self._also = folder, endpoint, also

    @cached_property
    def _files(self) -> dict[str, tuple[bytes, str]]:
        return {
            path.relative_to(self._folder).as_posix(): (path.read_bytes(), _MEDIA[path.suffix])
            for path in sorted(self._folder.rglob("*"))
            if path.is_file()
        }

    @property
    def names(self) -> list[str]:
        """The name of every file."""
        return list(self._files)

    @cached_property
    def version(self) -> str:
        """Another one whenever a file changes."""
        digest = hashlib.sha256(self._also.encode())
        for name, (content, _) in self._files.items():
            digest.update(f"{name} {len(content)} ".encode() + content)
        return digest.hexdigest()[:16]

    def address(self, name: str) -> str:
        """Where a file is, under the present version."""
        return url_for(self._endpoint, version=self.version, name=name)

    def answer(self, name: str, version: str | None = None) -> Response:
        """A file. Another version than the present one gets the present file, which is not kept. Raises NotFound."""
        if name not in self._files:
            raise NotFound
        content, media = self._files[name]
        response = Response(content, mimetype=media)
        is_present = version == self.version
        response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable" if is_present else "no-cache"
        response.add_etag()
        response.make_conditional(request)
        return response
