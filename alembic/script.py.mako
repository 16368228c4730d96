"""${message[:1].upper() + message[1:].rstrip(".")}.

Why: what the change is for, and what would go wrong without it.
Locks: what is locked, how strongly, how long on a full database.
Undo: what the downgrade gives back, and what it cannot.
"""
% if upgrades or downgrades:

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
% else:

from dairy_app.common.revisions import run

% endif
revision = "${up_revision}"
down_revision = "${down_revision}"
branch_labels = None
depends_on = None


def upgrade() -> None:
% if upgrades:
    ${upgrades}
% else:
    # The SQL of its day, not the models'. A statement waits 5 s for a lock, then all of this is rolled back and tried
    # again (env.py). A new CHECK or foreign key is NOT VALID here, and validated by the next revision (see 0025); an
    # index on a table in use is built CONCURRENTLY, there too, in an autocommit block (see 0027).
    run("""
DO $$ BEGIN NULL; END $$;
""")
% endif


def downgrade() -> None:
% if downgrades:
    ${downgrades}
% else:
    # First refuse_data_loss("SELECT FROM …", "what would be lost"), where rows would be.
    run("""
DO $$ BEGIN NULL; END $$;
""")
% endif
