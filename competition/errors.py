"""Two families of errors: a person's mistake, told in one plain line, and all else, which keeps its traceback."""

from typing import ClassVar


class UserError(Exception):
    """A mistake a person can mend: wrong use or a missing prerequisite.

    The message is one plain line: what is wrong, where, and what to do. A command prints it without a traceback
    and ends with `exit_code`.
    """

    exit_code: ClassVar[int] = 2


class BadInputError(UserError):
    """The thing being judged is bad: a submission, a bundle, a source file or a run."""

    exit_code: ClassVar[int] = 1


def first_line(error: BaseException) -> str:
    """What another library's error says, for a message of one line; its type where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
