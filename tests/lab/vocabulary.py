"""What scenarios are told in: loads, and the spots on the wire that bracket the steps of a delivery."""

from stage.exchange import Spot

from lab.scenario import Load
from lab.stand import CALL_SIZE

CHUNK = 4 * CALL_SIZE
"""Recipients of a chunk, at the lab's rate and size of calls (docs/adr/0016): four calls."""

SINGLE = Load(singles=1)
ONE_CHUNK = Load(bulk=CHUNK)
PARKED = Load(bulk=CHUNK, due_in=2)
CROWD = Load(singles=10, bulk=6 * CHUNK, bounces=4)
MANY = Load(bulk=50_000, ends_after=200)
MANY_PARKED = Load(bulk=50_000, ends_after=200, due_in=5)

IN_HAND = 10 + 6 * CALL_SIZE
"""What all senders together can have in hand of a crowd: each single mail, and a call of each of its chunks."""

EMAILS, BATCHES, RATE = "email-event-tracker", "email-batch", "email-rate"
TRIGGER, WAIT, EVENTS, CONTROL = "email-trigger", "email-wait", "email-events", "ems-control"

CLAIM_MAIL = Spot("UpdateItem", EMAILS, holds=('"sending"',))
SETTLE_MAIL = Spot("UpdateItem", EMAILS, holds=('"sent"', '"lease_owner"'))
CLAIM_CHUNK = Spot("UpdateItem", BATCHES, holds=('"lease_owner"', '"started_at"'), lacks=('"cancelled"',))
SETTLE_CHUNK = Spot("TransactWriteItems", BATCHES)
LEASE = Spot("UpdateItem", RATE, holds=("granted = granted + :recipients",))
SENDS = ("SendEmail", "SendBulkEmail")
"""The operations that send. Senders ask for GetAccount too, where a fault of SES would prove nothing."""
CALL = Spot("|".join(SENDS))
ACK = Spot("DeleteMessageBatch", TRIGGER)

ANY_CALL, ANY_SETTLING = (1, 4), (2, 5)
"""Which request at a spot: the first transaction of a chunk marks its first call, the next four settle a call each."""

RELEASE = Spot("SendMessageBatch", TRIGGER)
"""Chunks go to the senders: from the drainer, or from a sender that has it wait; and so do single mails."""
MOVE = Spot("TransactWriteItems", BATCHES, holds=('"#parked"',))
"""Recipients go into a new chunk, to be sent to again."""

DECIDE = Spot("TransactWriteItems", BATCHES, holds=('"failed"', '"decisions"'), lacks=('"#parked"',))
"""A mail in doubt is given up."""
