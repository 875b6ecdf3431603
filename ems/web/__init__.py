"""The HTTP edge: one thin module per resource."""
