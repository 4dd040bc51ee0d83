"""Run the migrations inside the transaction of the connection that `grader.store.upgrade` hands over."""

from alembic import context

from grader.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
