"""Checking what a participant hands in: bytes to a text table, ids to positions, cells to predictions."""
