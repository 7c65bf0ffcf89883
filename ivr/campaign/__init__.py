"""Campaigns: the rules of calling people. Pure: what the time is, and what is stored, is told."""
