"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=null)


def upgrade() -> None:
    """Makes every table."""
    op.create_table("settings", sa.Column("key", sa.String(), primary_key=True), _text("value"))
    op.create_table(
        "users",
        sa.Column("id", sa.String(), primary_key=True),
        _text("username"),
        sa.Column("username_key", sa.String(), nullable=False, unique=True),
        _text("display_name"),
        _text("password_hash"),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        _text("created_at"),
    )
    _sign_in_tables()
    _run_tables()


def _sign_in_tables() -> None:
    op.create_table(
        "auth_state",
        sa.Column("id", sa.Integer(), primary_key=True),
        _text("admin_username"),
        _text("admin_password_hash"),
        _text("device_key"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(), primary_key=True),
        _text("user_id", null=True),
        _text("username"),
        _text("created_at"),
        _text("expires_at"),
        _text("address"),
        _text("user_agent"),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.Integer(), primary_key=True),
        _text("username"),
        _text("ip_address"),
        _text("name_bucket"),
        _text("address_bucket", null=True),
        sa.Column("success", sa.Boolean(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        _text("failure_reason", null=True),
        _text("attempted_at"),
    )
    op.create_index("sign_ins_by_name", "sign_ins", ["name_bucket", "attempted_at"])
    op.create_index("sign_ins_by_address", "sign_ins", ["address_bucket", "attempted_at"])


def _run_tables() -> None:
    op.create_table(
        "actions",
        sa.Column("id", sa.String(), primary_key=True),
        _text("name"),
        _text("script_path"),
        _text("icon", null=True),
        sa.Column("display_order", sa.Integer(), nullable=False),
        _text("created_at"),
    )
    op.create_index("ix_actions_script_path", "actions", ["script_path"])
    op.create_table(
        "runs",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(), nullable=False, unique=True),
        _text("script"),
        _text("args"),
        sa.Column("tty", sa.Boolean(), nullable=False),
        sa.Column("cols", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("time_limit", sa.Integer(), nullable=False),
        _text("state"),
        sa.Column("exit_code", sa.Integer()),
        sa.Column("signal", sa.Integer()),
        _text("reason", null=True),
        sa.Column("truncated", sa.Boolean(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        _text("user_id", null=True),
        _text("username"),
        _text("requester"),
        _text("idempotency_key", null=True),
        _text("boot_id"),
        _text("created_at"),
        _text("started_at", null=True),
        _text("finished_at", null=True),
        sa.Column("duration", sa.Float()),
        sqlite_autoincrement=True,
    )
    for name, column in (("script", "script"), ("user", "username"), ("state", "state")):
        op.create_index(f"runs_by_{name}", "runs", [column, "number"])
    op.create_index("runs_by_key", "runs", ["requester", "idempotency_key"], unique=True)
