"""The database's schema, step by step, as Alembic migrations."""
