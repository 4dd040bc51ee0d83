"""Whether the metrics that a spec names can score what its submissions hold: asked before a competition is prepared."""

from competition.catalog import Competition
from competition.errors import UserError
from competition.layout import SPEC_FILE
from grader.metrics import validate
from grader.metrics.custom import register


def check_metrics(competition: Competition) -> None:
    """See that every metric exists, takes its options and suits the form; a custom one passes its own doctests.

    Raises:
        UserError: one line with the spec's file and what is wrong.
    """
    rules = competition.spec.rules(competition.name)
    for rule in (rules.metric, *rules.extra_metrics):
        try:
            validate(rule, rules.form, rules.labels)
            if rule.file:
                register(competition.folder / rule.file, rule.options)
        except UserError as error:
            raise UserError(f"{competition.folder / SPEC_FILE}: {error}") from None
