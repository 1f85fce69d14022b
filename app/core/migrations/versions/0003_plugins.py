"""What plugins and their pages keep, what an admin chose for them, and their licence keys."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False, primary_key=key)


def upgrade() -> None:
    """Adds them."""
    op.create_table(
        "plugin_values",
        _text("plugin_id", key=True),
        _text("namespace", key=True),
        _text("key", key=True),
        _text("value"),
    )
    op.create_table(
        "plugin_options",
        _text("plugin_id", key=True),
        sa.Column("pages_read_only", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "licence_keys",
        _text("plugin_id", key=True),
        _text("key"),
        _text("stored_at"),
        _text("stored_by"),
    )
    op.create_table(
        "licence_clock",
        sa.Column("id", sa.Integer(), primary_key=True),
        _text("seen_at"),
    )
