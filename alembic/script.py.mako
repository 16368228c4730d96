"""${message[:1].upper() + message[1:]}.

Why: what the change is for, and what would go wrong without it.
Locks: what is locked, how strongly, how long on a full database.
Undo: what the downgrade gives back, and what it cannot.
"""

import sqlalchemy as sa

from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
