"""What a run's output takes on the disk, and when it was removed."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Of a run of which not all was kept, nobody wrote down how much was: taken for the usual 64 MiB.
KEPT = (
    "UPDATE runs SET kept_bytes = CASE WHEN truncated THEN min(size, 67108864) ELSE size END"
    " WHERE finished_at IS NOT NULL AND size > 0"
)


def upgrade() -> None:
    """Adds them, and takes what a run wrote for what is kept of it."""
    op.add_column("runs", sa.Column("kept_bytes", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("runs", sa.Column("output_removed_at", sa.String(), nullable=True))
    op.execute(KEPT)
    op.create_index("runs_with_output", "runs", ["number", "kept_bytes"], sqlite_where=sa.text("kept_bytes > 0"))
