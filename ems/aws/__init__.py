"""One small module per AWS service."""
