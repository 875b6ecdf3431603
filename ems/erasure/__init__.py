"""Erasing a person from all records, so that every count stays true."""
