"""Accept a request, deliver a mail, release a chunk."""
