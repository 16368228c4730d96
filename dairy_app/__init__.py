"""dairy_app: dairy delivery and billing over PostgreSQL.

One package per domain; the import direction is written down in ``setup.cfg`` and checked in CI.
"""

__version__ = "0.1.0"
