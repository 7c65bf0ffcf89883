"""Migrations: how a database came to its schema, one file a step, never edited once released."""
