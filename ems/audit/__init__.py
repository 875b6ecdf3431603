"""The audit: recount everything from the rows and compare it with what the books, the counters and the queues say."""
