"""The module of this name that metrics written for Kaggle import; a custom metric finds it as a top-level module.

Unlike Kaggle's, nothing here guesses whether an error's text may be shown: only ParticipantVisibleError ever is.
"""

from collections.abc import Callable
from typing import Any


class ParticipantVisibleError(Exception):
    """A mistake in a submission, told in words to the participant who made it."""


class HostVisibleError(Exception):
    """A mistake in the solution or the metric, told to the instructor alone."""


def safe_call_score(metric_function: Callable[..., Any], solution: Any, submission: Any, **options: Any) -> Any:
    """What `metric_function(solution, submission, **options)` returns; its errors pass as they are."""
    return metric_function(solution, submission, **options)


def verify_valid_probabilities(df: Any, df_name: str) -> None:
    """See that every column of a pandas DataFrame holds probabilities and that each row sums to 1.

    Raises:
        ParticipantVisibleError: a column that holds no numbers, a value outside [0, 1], or a row with another sum.
    """
    import numpy as np
    from pandas.api.types import is_numeric_dtype

    for column in df.columns:
        if not is_numeric_dtype(df[column]):
            raise ParticipantVisibleError(f"{df_name}: column {column} must hold numbers")
    values = df.to_numpy(dtype=float)
    if not ((values >= 0) & (values <= 1)).all():
        raise ParticipantVisibleError(f"{df_name}: probabilities must lie between 0 and 1")
    if not np.allclose(values.sum(axis=1), 1):
        raise ParticipantVisibleError(f"{df_name}: the probabilities of each row must sum to 1")
