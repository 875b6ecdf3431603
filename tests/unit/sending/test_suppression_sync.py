"""Taking over SES's own list."""

from fakes.suppressions import FakeSesList, FakeSuppressionStore

from ems.aws.suppressed import SuppressedAtSes
from ems.sending.suppression_csv import BadLine
from ems.sending.suppression_import import Imported, SuppressionImport
from ems.sending.suppression_sync import SuppressionSync
from ems.store.suppressions import Suppression


def test_what_ses_will_not_deliver_is_suppressed_with_its_reason_and_what_is_listed_stays() -> None:
    left = Suppression("left@example.com", reason="manual", scope="all", source="API key k", since=1.0)
    store, bad = FakeSuppressionStore({left.address: left}), list[BadLine]()
    ses = FakeSesList(
        [
            SuppressedAtSes("Gone@Example.com", "BOUNCE", 5.0),
            SuppressedAtSes("nobody", "BOUNCE", 6.0),
            SuppressedAtSes("cross@example.com", "COMPLAINT", 7.0),
            SuppressedAtSes("left@example.com", "BOUNCE", 8.0),
        ]
    )
    sync = SuppressionSync(ses, SuppressionImport(store), removed=lambda _addresses: {})
    done = sync.run(bad=bad.append, progress=lambda _more: None)
    assert done == Imported(added=2, known=1, bad=1)
    assert [one.number for one in bad] == [2]
    assert store.entries == {
        "left@example.com": left,
        "gone@example.com": Suppression("gone@example.com", reason="bounce", scope="all", source="ses-list", since=5.0),
        "cross@example.com": Suppression(
            "cross@example.com", reason="complaint", scope="all", source="ses-list", since=7.0
        ),
    }


def test_what_was_taken_off_after_ses_listed_it_stays_off_and_is_told() -> None:
    store, lagging = FakeSuppressionStore(), list[str]()
    ses = FakeSesList([SuppressedAtSes(f"{name}@example.com", "BOUNCE", 5.0) for name in ("off", "again", "new")])
    removed = {"off@example.com": 5.0, "again@example.com": 4.0}
    sync = SuppressionSync(ses, SuppressionImport(store), removed=lambda _addresses: removed, lagging=lagging.append)
    done = sync.run(bad=lambda _line: None, progress=lambda _more: None)
    assert (done, set(store.entries)) == (Imported(added=2), {"again@example.com", "new@example.com"})
    assert lagging == ["off@example.com"]


def test_only_what_ses_listed_since_is_read_if_asked() -> None:
    store = FakeSuppressionStore()
    ses = FakeSesList(
        [SuppressedAtSes("old@example.com", "BOUNCE", 5.0), SuppressedAtSes("new@example.com", "BOUNCE", 7.0)]
    )
    sync = SuppressionSync(ses, SuppressionImport(store), removed=lambda _addresses: {})
    sync.run(since=6.0, bad=lambda _line: None, progress=lambda _more: None)
    assert set(store.entries) == {"new@example.com"}
