"""The governor simulated: the real algorithm by a clock that jumps, with everything around it drawn from a seed."""
