"""Where the items of a competition come from: one loader a kind of source, all giving a `Pool`."""

from competition.sources.pool import Pool

__all__ = ["Pool"]
