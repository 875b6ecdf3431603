"""What Hypothesis draws for processes that die and an SES that answers badly."""

from fakes.main_path import Answer, Fuse, dies, is_cut_off
from hypothesis import strategies as st

steps = st.integers(1, 10)
"""Calls between parts until the fuse has burnt."""

fuses = st.builds(Fuse, steps, st.booleans(), st.sampled_from([dies, dies, is_cut_off]))


def plans(answers: list[Answer]) -> st.SearchStrategy[list[Answer]]:
    """Draw what SES answers to the next mails."""
    return st.lists(st.sampled_from(answers), max_size=6)
