"""Where the items of a competition come from: every kind of source gives a `Pool`."""

from competition.sources.load import load_pool
from competition.sources.pool import Pool

__all__ = ["Pool", "load_pool"]
