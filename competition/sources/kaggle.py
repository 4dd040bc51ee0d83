"""The files of a Kaggle competition, by the `kaggle` package's own calls and with its own credentials."""

import io
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from competition.errors import UserError
from competition.progress import Progress
from competition.sources.cache import cache_folder

SLUG = re.compile(r"[a-z0-9][a-z0-9-]*")
HOW_TO_LOG_IN = "run `kaggle auth login`, or put an API token where kaggle looks for it (kaggle.com/docs/api)"

REASONS = {
    401: f"not logged in; {HOW_TO_LOG_IN}",
    403: "kaggle refuses it; accept the competition's rules on its page, and check your credentials",
    404: "kaggle knows no such competition",
    429: "too many requests; try again later",
}


def kaggle_source(slug: str, progress: Progress) -> Path:
    """The archive of a competition's files, downloaded where it is not there or has changed.

    An interrupted download goes on where it stopped (the kaggle package sees to that).

    Raises:
        UserError: no such competition, no credentials, the rules not accepted, no connection.
    """
    if not SLUG.fullmatch(slug):
        raise UserError(f"{slug!r} is no name of a Kaggle competition; it is the last part of its address")
    folder = cache_folder() / "kaggle" / slug
    progress("download", 0, 1)
    api = _authenticated_api()
    try:
        api.competition_download_files(slug, path=str(folder), quiet=True)
    except (OSError, ValueError, SystemExit) as error:  # requests' errors are OSErrors
        raise UserError(f"kaggle competition {slug!r}: no download ({_reason(error)})") from None
    archives = sorted(path for path in folder.glob(f"{slug}.*") if not path.name.endswith(".kaggle-partial"))
    if not archives:
        raise UserError(f"kaggle competition {slug!r}: the download left no file in {folder}")
    progress("download", 1, 1)
    return archives[0]


def _authenticated_api() -> Any:
    """kaggle's own API object, logged in by its own configuration.

    Without credentials the package prints a page of advice on standard output and ends the process, both when it is
    imported and when it is asked: here that is one line.
    """
    try:
        with redirect_stdout(io.StringIO()):
            from kaggle import api

            api.authenticate()
    except ImportError as error:
        raise UserError(f"kaggle competitions need the kaggle package ({error}); `pip install kaggle six`") from error
    except SystemExit:
        raise UserError(f"kaggle: no credentials; {HOW_TO_LOG_IN}") from None
    except (OSError, ValueError, TypeError, KeyError) as error:  # no connection, or an answer of another form
        raise UserError(f"kaggle: no log-in ({_reason(error)})") from None
    return api


def _reason(error: BaseException) -> str:
    """Why a call failed, in one line, without the address of the request (it may carry a signature)."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in REASONS:
        return REASONS[status]
    if status is not None:
        return f"kaggle answered {status}"
    return type(error).__name__ if isinstance(error, OSError) else " ".join(str(error).split())
