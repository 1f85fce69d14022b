"""The other machines that this one knows of."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds them."""
    op.create_table(
        "machines",
        sa.Column("name", sa.String(), nullable=False, primary_key=True),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("labels", sa.String(), nullable=False),
        sa.Column("added_at", sa.String(), nullable=False),
    )
