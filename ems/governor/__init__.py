"""The cluster-wide rate: a pure algorithm apart from its DynamoDB store."""
