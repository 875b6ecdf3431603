"""Statistics that do not agree with the rows, and those that do."""

from fakes.audit import Books, auditor_of

from ems.audit.findings import Break, Kind
from ems.store.counters import ACCOUNT, TOTAL, Scope

DAY = 86_400.0


def told(books: Books, batch_id: str) -> None:
    """Let SES tell of two mails of a batch."""
    for index in (0, 1):
        for kind in ("Send", "Delivery"):
            books.tell(books.mail(batch_id, index).email_id, kind, recipients=[books.mail(batch_id, index).recipient])


def shift(books: Books, scope: Scope, name: str, by: int) -> None:
    """Move a counter by hand."""
    table = books.tables.stats
    shard = next(one for one in scope.keys() if list(table.query(one, table.bucket == TOTAL)))  # noqa: SIM118
    books.tables.connection.client.update_item(
        TableName=table.Meta.table_name,
        Key={"shard": {"S": shard}, "bucket": {"S": TOTAL}},
        UpdateExpression="ADD #name :by",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues={":by": {"N": str(by)}},
    )


def test_statistics_that_come_to_what_the_rows_say_are_sound(books: Books) -> None:
    batch_id = books.sent_batch(5)
    told(books, batch_id)
    assert books.audit().sound
    assert books.auditor.batch(batch_id).sound
    assert all(verdict.sound for verdict in books.auditor.campaign("welcome"))


def test_a_counter_that_is_off_is_named_with_what_it_should_be(books: Books) -> None:
    batch_id = books.sent_batch(5)
    told(books, batch_id)
    shift(books, Scope("batch", batch_id), "delivered", 3)
    what = "its statistics say delivered 5 instead of 2"
    assert books.auditor.batch(batch_id).breaks == [Break(Kind.COUNTERS, f"batch {batch_id}", what)]
    assert [one.subject for one in books.audit().breaks] == [f"batch {batch_id}"]


def test_everything_is_more_than_its_campaigns(books: Books) -> None:
    batch_id = books.sent_batch(5)
    told(books, batch_id)
    shift(books, ACCOUNT, "sent", -1)
    assert [one.subject for one in books.audit().breaks] == ["the account"]
    assert books.auditor.batch(batch_id).sound


def test_a_row_that_says_another_number_of_events_than_its_counts(books: Books) -> None:
    batch_id = books.sent_batch(5)
    told(books, batch_id)
    row = books.mail(batch_id, 0)
    facts = row.facts
    facts["kinds"]["open"] = [1.0, 1]
    row.update(actions=[type(row).facts.set(facts)])
    kinds = {one.kind for one in books.auditor.batch(batch_id).breaks}
    assert kinds == {Kind.EVENTS, Kind.COUNTERS}


def test_events_that_come_in_during_the_audit_are_no_break(books: Books) -> None:
    batch_id = books.sent_batch(5)
    told(books, batch_id)
    shift(books, Scope("batch", batch_id), "delivered", 1)
    shifts = iter(range(10))

    class Moving(type(books.auditor._counters)):  # type: ignore[misc]  # a store whose counters never rest
        def total(self, scope: Scope) -> object:
            shift(books, scope, "delivered", next(shifts))
            return super().total(scope)

    auditor = auditor_of(books.path)
    auditor._counters = Moving(books.tables)
    verdict = auditor.batch(batch_id)
    assert verdict.sound
    assert verdict.notes == [f"events of batch {batch_id} come in: audit its statistics later"]


def test_statistics_that_reach_back_further_than_the_rows_are_not_recounted(books: Books) -> None:
    batch_id = books.sent_batch(5)
    told(books, batch_id)
    shift(books, ACCOUNT, "delivered", 1)
    books.clock.sleep(50 * DAY)
    verdict = books.audit()
    assert verdict.sound
    assert "the statistics of the account reach back further than its records: not recounted" in verdict.notes


def test_mails_of_a_release_before_the_counters_are_noted(books: Books) -> None:
    batch_id = books.sent_batch(5)
    row = books.mail(batch_id, 0)
    key = {"type": "send", "at": 1.0, "key": "k", "detail": {}}
    actions = [
        type(row).moments.set({"send": {"first": 1.0, "last": 1.0, "count": 1}}),
        type(row).timeline.set([key]),
        type(row).seen.set({"k"}),
        type(row).event_status.set("sent"),
    ]
    row.update(actions=actions)
    verdict = books.auditor.batch(batch_id)
    assert (verdict.sound, verdict.notes) == (True, ["1 mails are in no statistic: an earlier release tracked them"])
