"""The kombu SQS transport that EMS needs."""
