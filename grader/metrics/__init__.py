"""Metrics: how a submission is turned into a number. Importing this package costs numpy at most, and only on use."""

from grader.metrics.errors import BrokenMetricError, MetricError
from grader.metrics.registry import Metric, compute, direction, get, names, validate

__all__ = ["BrokenMetricError", "Metric", "MetricError", "compute", "direction", "get", "names", "validate"]
