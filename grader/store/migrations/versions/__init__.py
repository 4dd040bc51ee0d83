"""One module a schema revision, oldest first; add the new one to `grader.store.database.REVISIONS`."""
