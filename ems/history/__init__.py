"""Telling what became of mails: exports of many, the story of one. Composes what sending, tracking and store know."""
