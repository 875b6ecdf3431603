"""What the certificate store keeps, for how long, and what it takes for a certificate."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fakes.sns import SigningSns, certificate_for

from ems.aws.certificates import FAILURE_TTL_SECONDS, MAX_ENTRIES, SUCCESS_TTL_SECONDS, CertificateStore
from ems.aws.sns import CannotDecideError

URL = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a1b.pem"


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Host:
    """Serves *answer* at every URL, or fails with it."""

    def __init__(self, answer: bytes | Exception) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def clock(sns: SigningSns) -> Clock:
    return Clock(sns.not_before + 3600)


@pytest.fixture
def host(sns: SigningSns) -> Host:
    return Host(sns.pem)


@pytest.fixture
def store(host: Host, clock: Clock) -> CertificateStore:
    return CertificateStore(fetch=host, clock=clock)


def test_the_key_of_the_certificate_is_returned(sns: SigningSns, store: CertificateStore) -> None:
    assert store.public_key(URL, vouched_for=False).public_numbers() == sns.key.public_key().public_numbers()


def test_a_certificate_is_fetched_once_a_day(store: CertificateStore, host: Host, clock: Clock) -> None:
    for _ in range(3):
        store.public_key(URL, vouched_for=False)
    clock.now += SUCCESS_TTL_SECONDS - 1
    store.public_key(URL, vouched_for=False)
    assert len(host.asked) == 1
    clock.now += 2
    store.public_key(URL, vouched_for=False)
    assert len(host.asked) == 2


def test_a_failure_is_remembered_for_seconds_only(
    sns: SigningSns, store: CertificateStore, host: Host, clock: Clock
) -> None:
    host.answer = CannotDecideError("no route")
    for _ in range(3):
        with pytest.raises(CannotDecideError, match="no route"):
            store.public_key(URL, vouched_for=False)
    assert len(host.asked) == 1
    host.answer = sns.pem
    clock.now += FAILURE_TTL_SECONDS + 1
    store.public_key(URL, vouched_for=False)


def test_a_flood_of_invented_names_pushes_no_good_certificate_out(store: CertificateStore, host: Host) -> None:
    store.public_key(URL, vouched_for=False)
    host.answer = CannotDecideError("404")
    for number in range(3 * MAX_ENTRIES):
        with pytest.raises(CannotDecideError):
            store.public_key(f"{URL}{number}", vouched_for=False)
    asked = len(host.asked)
    store.public_key(URL, vouched_for=False)
    assert len(host.asked) == asked


def test_the_store_keeps_a_bounded_number_of_certificates(store: CertificateStore, host: Host) -> None:
    for number in range(MAX_ENTRIES + 1):
        store.public_key(f"{URL}{number}", vouched_for=False)
    store.public_key(f"{URL}{MAX_ENTRIES}", vouched_for=False)
    assert len(host.asked) == MAX_ENTRIES + 1
    store.public_key(f"{URL}0", vouched_for=False)
    assert len(host.asked) == MAX_ENTRIES + 2


def test_many_threads_share_one_fetch(sns: SigningSns, clock: Clock) -> None:
    may_answer = Event()
    asked: list[str] = []

    def slow_host(url: str) -> bytes:
        asked.append(url)
        may_answer.wait(10)
        return sns.pem

    store = CertificateStore(fetch=slow_host, clock=clock)
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(store.public_key, URL, vouched_for=False) for _ in range(8)]
        may_answer.set()
        assert len({future.result().public_numbers().n for future in futures}) == 1
    assert len(asked) == 1


@pytest.mark.parametrize("answer", [b"", b"<html>", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_without_a_certificate_decides_nothing(store: CertificateStore, host: Host, answer: bytes) -> None:
    host.answer = answer
    with pytest.raises(CannotDecideError, match=r"X\.509"):
        store.public_key(URL, vouched_for=False)


def test_a_file_with_two_certificates_decides_nothing(sns: SigningSns, store: CertificateStore, host: Host) -> None:
    host.answer = sns.pem + sns.pem
    with pytest.raises(CannotDecideError, match="one certificate"):
        store.public_key(URL, vouched_for=False)


def test_a_certificate_without_an_rsa_key_decides_nothing(store: CertificateStore, host: Host) -> None:
    host.answer = certificate_for(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(CannotDecideError, match="RSA"):
        store.public_key(URL, vouched_for=False)


@pytest.mark.parametrize("day", ["2025-12-30", "2027-01-03"])
def test_a_certificate_outside_its_validity_decides_nothing(store: CertificateStore, clock: Clock, day: str) -> None:
    clock.now = dt.datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()
    with pytest.raises(CannotDecideError, match="not valid today"):
        store.public_key(URL, vouched_for=False)


def test_a_remembered_certificate_ends_with_its_validity(
    sns: SigningSns, store: CertificateStore, clock: Clock
) -> None:
    clock.now = sns.not_after - 60
    store.public_key(URL, vouched_for=False)
    clock.now = sns.not_after + 3600
    with pytest.raises(CannotDecideError, match="not valid today"):
        store.public_key(URL, vouched_for=False)


def test_the_dates_of_a_certificate_that_the_operator_vouches_for_do_not_matter(
    sns: SigningSns, store: CertificateStore, clock: Clock
) -> None:
    clock.now = sns.not_after + 1e9
    assert store.public_key(URL, vouched_for=True).public_numbers() == sns.key.public_key().public_numbers()
