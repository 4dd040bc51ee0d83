"""Why a submission got no score: its own fault, or the fault of the metric or the solution."""

from competition.errors import BadInputError


class MetricError(BadInputError):
    """A submission that cannot be scored; the message is meant for the participant and holds no hidden value.

    `detail` says more, for the instructor alone: it may quote the solution and is never shown to a participant.
    """

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class BrokenMetricError(MetricError):
    """The metric or the solution is at fault, not the submission: it costs the participant nothing."""

    exit_code = 2
