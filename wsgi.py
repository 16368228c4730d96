"""For a WSGI server of one's own choice, as ``some-server wsgi:app``. (`dairy serve` needs no such file.)"""

from dairy_app.common.loading import loading

with loading():
    from dairy_app.app import create_app
    from dairy_app.settings import Settings

app = create_app(Settings.from_environment())
