"""The Celery edge: one thin module per kind of work."""
