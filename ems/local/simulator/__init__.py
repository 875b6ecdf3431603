"""SES v2 and SNS as EMS uses them, on loopback: rate, rendering, events and faults as the real ones show them."""
