"""The crash lab: scenarios on real processes, judged by SES's own log (`make faults`; docs/faults.md)."""
