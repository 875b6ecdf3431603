"""What is simulated, and what came out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal, get_args

from ems.governor.policy import Policy

Accounting = Literal["bucket", "sliding"]

POLICY = Policy()

WARM_UP_SECONDS = 5.0
"""The first seconds, which are not measured."""

NEWCOMER_AT = 10.0
"""When the newcomer is accepted, in seconds from the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One simulated deployment. The defaults are the product's own and an ordinary AWS region's.

    Attributes:
        rate: What SES promises (MaxSendRate), recipients a second.
        processes: Sender processes.
        threads: Threads of each.
        seconds: How long it is simulated; the first few are not measured.
        seed: The same seed gives the same figures.
        headroom: :attr:`ems.governor.policy.Policy.headroom`.
        call_size: Recipients of a bulk call; None is the policy's choice.
        bulk_horizon: :attr:`ems.governor.policy.Policy.bulk_horizon`, seconds.
        tolerance: :attr:`ems.governor.policy.Policy.tolerance`, seconds.
        release_seconds: How much of a campaign lies before the senders, in seconds of sending.
        chunk_size: Recipients of a chunk; None is the policy's choice.
        transactional: Single mails a second (Poisson) beside the campaigns.
        campaigns: Campaigns that never end, all of them accepted at the start.
        newcomer: Recipients of one more campaign, which is accepted after ten seconds.
        skew_ms: Each process's clock is wrong by up to this, either way.
        network_ms: Median of one way to AWS (lognormal, with a long tail).
        dynamodb_ms: Median of DynamoDB's own time for one write (lognormal).
        sqs_ms: Median of SQS's own time for a call of the drainer (lognormal).
        ses_ms: Median of SES's own time for a call (lognormal); the call is counted in its middle.
        accounting: Which of SES's two conceivable ways of counting refuses calls; the other one only counts.
        takes: The share of its promise that SES really takes.
        crashes: Processes killed during the run; each is replaced after a few seconds.
        stalls: How often a minute each process stands still for 100 to 400 ms.
        redelivery_seconds: When SQS hands out again what a killed process had in hand.
    """

    rate: float = 100.0
    processes: int = 2
    threads: int = 24
    seconds: float = 60.0
    seed: int = 1
    headroom: float = POLICY.headroom
    call_size: int | None = None
    bulk_horizon: float = POLICY.bulk_horizon
    tolerance: float = POLICY.tolerance
    release_seconds: float = 2.0
    chunk_size: int | None = None
    transactional: float = 5.0
    campaigns: int = 1
    newcomer: int = 0
    skew_ms: float = 5.0
    network_ms: float = 1.5
    dynamodb_ms: float = 4.0
    sqs_ms: float = 8.0
    ses_ms: float = 42.0
    accounting: Accounting = "bucket"
    takes: float = 1.0
    crashes: int = 0
    stalls: float = 0.0
    redelivery_seconds: float = 120.0

    def policy(self) -> Policy:
        """Return the policy of every process. The account is known from the start and read no more."""
        return Policy(
            headroom=self.headroom,
            call_size=self.call_size,
            bulk_horizon=self.bulk_horizon,
            tolerance=self.tolerance,
            release_seconds=self.release_seconds,
            refresh_seconds=10 * self.seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFigures:
    """What the drainer came to.

    Attributes:
        calls_per_chunk: Its calls to AWS, for each chunk that it released.
        calls: The same by operation.
        most_unsent_seconds: The most that lay before the senders after a tick, in seconds of the rate; what a
            killed process has in hand does not count.
        longest_tick_ms: The longest tick.
        least_share: What the campaign that got least of those that never end got, as a part of an equal share.
        newcomer_seconds: From the newcomer's acceptance to its last mail; None when it was not done.
    """

    calls_per_chunk: float
    calls: Mapping[str, float]
    most_unsent_seconds: float
    longest_tick_ms: float
    least_share: float
    newcomer_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one case came to, without its first seconds.

    Attributes:
        used: Recipients that SES took, as a share of what it takes at most.
        fullest_second: Most recipients whose calls reached SES within any second.
        throttled_bucket: Calls that SES refuses if it keeps a bucket: a call passes while any quota is left, and its
            recipients are owed.
        throttled_sliding: Calls that SES refuses if it keeps a strict sliding second.
        calls: Calls that reached SES.
        p50_ms: Half of the single mails reached SES this soon after they were accepted.
        p99_ms: 99 % of them did.
        requests_per_call: Lease requests for each call to SES, refused ones too.
        denied_per_second: Lease requests that DynamoDB refused.
        missed: Share of the slots that were lost because they were taken too late.
        release: What the drainer came to.
    """

    used: float
    fullest_second: int
    throttled_bucket: int
    throttled_sliding: int
    calls: int
    p50_ms: float
    p99_ms: float
    requests_per_call: float
    denied_per_second: float
    missed: float
    release: ReleaseFigures


class CaseError(ValueError):
    """The words do not make a case; the message says which and what would."""


def case_of(words: Sequence[str]) -> Case:
    """Read a case from ``--name value`` pairs; names are the fields of :class:`Case`.

    Raises:
        CaseError: A name or a value is none.
    """
    known: dict[str, Callable[[str], object]] = {
        field.name: type(getattr(Case(), field.name)) for field in fields(Case)
    }
    changes: dict[str, object] = {}
    for flag, text in zip(words[::2], [*words[1::2], ""], strict=False):
        name = flag.removeprefix("--").replace("-", "_")
        if name not in known:
            raise CaseError(f"{flag}: there is {', '.join('--' + one.replace('_', '-') for one in known)}")
        kind: Callable[[str], object] = int if name in {"call_size", "chunk_size"} else known[name]
        try:
            changes[name] = kind(text)
        except ValueError as error:
            raise CaseError(f"{flag} {text!r}: give {'a whole number' if kind is int else 'a number'}") from error
    case = Case(**changes)  # type: ignore[arg-type]  # the fields' own kinds
    if case.accounting not in get_args(Accounting):
        raise CaseError(f"--accounting {case.accounting!r}: give one of {', '.join(get_args(Accounting))}")
    if min(case.rate, case.processes, case.threads, case.seconds - WARM_UP_SECONDS) <= 0:
        raise CaseError(f"--rate, --processes and --threads are above 0, --seconds above {WARM_UP_SECONDS:g}")
    return case
