"""Authoring: questionnaires from spreadsheets."""
