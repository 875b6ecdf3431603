"""SES events: parse, decide, apply."""
