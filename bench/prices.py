"""What AWS charges in us-east-1, in US dollars, at list prices without free tiers and discounts for volume.

As of November 2026; requests only: neither storage, nor data transfer, nor CPU.
"""

MILLION = 1_000_000

SQS_REQUEST = 0.40 / MILLION
"""https://aws.amazon.com/sqs/pricing/: a request of a standard queue, each 64 KB of payload."""

SQS_FAIR = 0.10 / MILLION
"""The same page: what a request with a MessageGroupId costs more (fair queues, since July 2025)."""

SNS_REQUEST = 0.50 / MILLION
"""https://aws.amazon.com/sns/pricing/: a publish to a standard topic, SES's events too, each 64 KB."""

SNS_HTTP = 0.60 / MILLION
"""The same page: a delivery over HTTP. Deliveries to SQS are free."""

DYNAMODB_WRITE = 0.625 / MILLION
"""https://aws.amazon.com/dynamodb/pricing/on-demand/: a write request unit, since the cut of November 2024."""

DYNAMODB_READ = 0.125 / MILLION
"""The same page: a read request unit."""

SES_MAIL = 0.10 / 1000
"""https://aws.amazon.com/ses/pricing/: a recipient, without attachments."""
