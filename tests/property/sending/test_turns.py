"""The turns of campaigns: nobody waits for more than its turn, the line is never idle, and shares are equal."""

from collections import Counter, deque
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from ems.sending.payloads import CHUNK_RECIPIENTS
from ems.sending.turns import Backlog, Turns

sizes = st.integers(1, CHUNK_RECIPIENTS)
budgets = st.lists(st.integers(-20, 700), min_size=1, max_size=12)


class Model:
    """Campaigns as queues of chunks, served as the drainer serves them; the memory goes from tick to tick as JSON does.

    A chunk's size is known once one of its campaign was taken in this tick.
    """

    def __init__(self) -> None:
        self.waiting: dict[str, deque[int]] = {}
        self.served: Counter[str] = Counter()
        self.ahead: dict[str, int] = {}

    def arrive(self, name: str, chunks: Iterable[int]) -> None:
        self.waiting.setdefault(name, deque()).extend(chunks)

    def tick(self, budget: float) -> float:
        """Serve; return what is left of the budget."""
        turns, seen = Turns(self.ahead), dict.fromkeys(self.waiting, CHUNK_RECIPIENTS)
        while budget > 0:
            plan = turns.plan(budget, {n: Backlog(len(c), seen[n]) for n, c in self.waiting.items() if c})
            if not plan:
                break
            for name, number in plan.items():
                taken = [self.waiting[name].popleft() for _ in range(number)]
                turns.charge(name, sum(taken))
                self.served[name] += sum(taken)
                budget -= sum(taken)
                seen[name] = max(taken)
        turns.settle([name for name, chunks in self.waiting.items() if chunks])
        self.ahead = dict(turns.ahead)
        return budget


def most_unequal(model: Model, ticks: list[int]) -> int:
    """Return by how much the shares of campaigns that wait all the time differ at most."""
    differences = [0]
    for budget in ticks:
        model.tick(budget)
        differences.append(max(model.served.values()) - min(model.served[name] for name in model.waiting))
    return max(differences)


@given(st.integers(1, 8), st.lists(st.integers(1, 700), min_size=1, max_size=12))
def test_campaigns_that_wait_all_the_time_differ_by_at_most_one_chunk(campaigns: int, ticks: list[int]) -> None:
    model = Model()
    for number in range(campaigns):
        model.arrive(f"c{number}", [CHUNK_RECIPIENTS] * 9_000)
    assert most_unequal(model, ticks) <= CHUNK_RECIPIENTS


@given(st.lists(sizes, min_size=1, max_size=6), st.lists(st.integers(1, 700), min_size=1, max_size=12))
def test_where_chunks_turn_out_small_shares_differ_by_at_most_two_chunks(each: list[int], ticks: list[int]) -> None:
    model = Model()
    for number, size in enumerate(each):
        model.arrive(f"c{number}", [size] * 9_000)
    assert most_unequal(model, ticks) <= 2 * CHUNK_RECIPIENTS


@given(st.lists(st.lists(sizes, max_size=12), max_size=5), budgets)
def test_the_line_is_never_idle_while_anything_waits(campaigns: list[list[int]], ticks: list[int]) -> None:
    model = Model()
    for number, chunks in enumerate(campaigns):
        model.arrive(f"c{number}", chunks)
    for budget in ticks:
        left = model.tick(budget)
        assert left <= 0 or not any(model.waiting.values())


@given(st.lists(st.lists(sizes, min_size=1, max_size=12), min_size=1, max_size=5))
def test_each_plan_goes_over_its_budget_by_less_than_one_chunk(campaigns: list[list[int]]) -> None:
    waiting = {f"c{n}": Backlog(len(chunks), max(chunks)) for n, chunks in enumerate(campaigns)}
    planned = sum(waiting[name].size * chunks for name, chunks in Turns({}).plan(100, waiting).items())
    everything = sum(backlog.size * backlog.chunks for backlog in waiting.values())
    assert min(100, everything) <= planned < 100 + CHUNK_RECIPIENTS


@given(st.integers(1, 6), st.integers(1, 20), st.integers(0, 5_000), st.integers(1, 700))
def test_a_newcomer_is_done_after_its_turns_whatever_came_before_it(
    others: int, chunks: int, before: int, budget: int
) -> None:
    model = Model()
    for number in range(others):
        model.arrive(f"old{number}", [CHUNK_RECIPIENTS] * 20_000)
    model.tick(before)
    model.arrive("new", [CHUNK_RECIPIENTS] * chunks)
    start = model.served.total()
    while model.waiting["new"]:
        model.tick(budget)
    # Its own share, one for each of the others, and whatever the last tick served beyond.
    assert model.served.total() - start <= (others + 1) * (chunks + 1) * CHUNK_RECIPIENTS + budget


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 300)), min_size=1, max_size=40))
def test_a_campaign_that_comes_in_small_pieces_gets_no_more_than_its_share(pieces: list[tuple[int, int]]) -> None:
    model = Model()
    model.arrive("large", [CHUNK_RECIPIENTS] * 20_000)
    for chunks, budget in pieces:
        if not model.waiting.get("pieces"):
            model.arrive("pieces", [CHUNK_RECIPIENTS] * chunks)
        model.tick(budget)
        assert model.served["pieces"] <= model.served["large"] + CHUNK_RECIPIENTS


def test_a_campaign_that_is_alone_has_the_whole_line_and_saves_nothing_up() -> None:
    model = Model()
    model.arrive("old", [CHUNK_RECIPIENTS] * 100)
    model.tick(1_000)
    model.arrive("new", [CHUNK_RECIPIENTS] * 100)
    model.tick(1_000)
    assert model.served == {"old": 1_500, "new": 500}
