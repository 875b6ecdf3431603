"""No URL that somebody typed leads into the network that EMS runs in."""

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.notify.addresses import (
    MAX_ADDRESSES,
    ForbiddenAddressError,
    UnknownHostError,
    addresses_of,
    is_public,
)

PRIVATE_NETWORKS = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/4",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
]


def answering(*addresses: str) -> object:
    return lambda _host, port: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34"])
def test_public_addresses_are_posted_to(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",  # the metadata of cloud machines
        "fd00:ec2::254",  # the same, of AWS over IPv6
        "0.0.0.0",  # noqa: S104
        "::",
        "fe80::1%eth0",
        "192.0.2.1",
        "255.255.255.255",
        "2001:0:5ef5:79fd:0:59d:f5ff:fffe",  # Teredo
    ],
)
def test_addresses_with_a_meaning_of_their_own_are_not_posted_to(address: str) -> None:
    assert not is_public(address)


@given(st.sampled_from(PRIVATE_NETWORKS).flatmap(lambda network: st.ip_addresses(network=network)))
def test_no_private_address_is_posted_to(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert not is_public(str(address))


@given(
    st.sampled_from([one for one in PRIVATE_NETWORKS if "." in one]).flatmap(
        lambda network: st.ip_addresses(v=4, network=network)
    )
)
def test_a_private_address_in_the_clothes_of_ipv6_is_private(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for wrapped in (
        (0xFFFF << 32) | number,
        int(ipaddress.ip_address("64:ff9b::")) | number,
        (0x2002 << 112) | (number << 80),
    ):
        assert not is_public(str(ipaddress.IPv6Address(wrapped)))


def test_one_private_address_of_a_name_forbids_the_name() -> None:
    with pytest.raises(ForbiddenAddressError, match="not public"):
        addresses_of("x.example", 443, allow_private=False, ask=answering("93.184.216.34", "10.0.0.1"))  # type: ignore[arg-type]


def test_private_addresses_are_posted_to_when_the_operator_says_so() -> None:
    assert addresses_of("x.example", 443, allow_private=True, ask=answering("10.0.0.1")) == ["10.0.0.1"]  # type: ignore[arg-type]


def test_a_name_of_many_addresses_is_tried_at_a_few() -> None:
    many = [f"93.184.216.{number}" for number in range(9)]
    found = addresses_of("x.example", 443, allow_private=False, ask=answering(*many, *many))  # type: ignore[arg-type]
    assert found == many[:MAX_ADDRESSES]


def test_a_name_that_cannot_be_resolved_is_no_error_of_ours() -> None:
    def fails(_host: str, _port: int) -> list[object]:
        raise socket.gaierror

    for ask in (fails, answering()):
        with pytest.raises(UnknownHostError):
            addresses_of("x.example", 443, allow_private=False, ask=ask)  # type: ignore[arg-type]
