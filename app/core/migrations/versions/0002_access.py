"""Tokens, second factors, the audit, when a session was last seen, and which quick actions are dangerous."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=null)


def upgrade() -> None:
    """Adds them."""
    op.add_column("sessions", _text("last_seen_at", null=True))
    op.execute("UPDATE sessions SET last_seen_at = created_at")
    op.add_column("sessions", _text("proved_at", null=True))
    op.add_column("actions", sa.Column("dangerous", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("hash", sa.String(), nullable=False, unique=True),
        _text("user_id", null=True),
        _text("username"),
        _text("name"),
        _text("scopes"),
        _text("created_at"),
        _text("expires_at", null=True),
        _text("last_used_at", null=True),
    )
    op.create_table(
        "second_factors",
        sa.Column("owner", sa.String(), primary_key=True),
        _text("secret"),
        _text("recovery"),
        sa.Column("last_counter", sa.Integer(), nullable=False),
        _text("created_at"),
        _text("confirmed_at", null=True),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        _text("at"),
        _text("actor"),
        _text("actor_id", null=True),
        _text("role"),
        _text("address"),
        _text("what"),
        _text("target"),
        _text("outcome"),
        _text("detail"),
        _text("previous_hash"),
        _text("hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_by_what", "audit", ["what", "id"])
    op.create_index("audit_by_actor", "audit", ["actor", "id"])
