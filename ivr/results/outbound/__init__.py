"""Outbound: campaigns and their attempts as figures, tables and exports."""
