"""PynamoDB models and the few queries on them."""
