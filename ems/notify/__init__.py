"""Telling the backend what became of its mails: the feed of events, and the endpoints that are told of them."""
