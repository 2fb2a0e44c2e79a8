"""Runs migrations on the connection that `core.storage.database.migrate` hands over."""

from alembic import context

from core.storage.tables import Base

connection = context.config.attributes.get("connection")
if connection is None:
    import sqlalchemy as sa

    from core.settings import get_settings

    connection = sa.create_engine(get_settings().database).connect()

context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
