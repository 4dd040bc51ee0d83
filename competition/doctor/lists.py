"""Where the doctor writes: lists and pictures that know labels, for the instructor's eyes alone."""

import csv
import io
from pathlib import Path

from competition.doctor.finding import Listing
from competition.durable import write_file
from competition.private import FILE_MODE, FOLDER_MODE


def doctor_folder(home: Path, competition: str) -> Path:
    """`GRADER_HOME/doctor/<competition>/`."""
    return home / "doctor" / competition


def emptied(folder: Path) -> Path:
    """The folder, for its owner alone, without the lists and pictures of an earlier examination."""
    folder.mkdir(parents=True, exist_ok=True)
    for private in (folder.parent, folder):
        private.chmod(FOLDER_MODE)
    for path in folder.iterdir():
        if path.suffix in (".csv", ".png"):
            path.unlink()
    return folder


def write_listing(folder: Path, listing: Listing) -> None:
    """Write a list as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(listing.header)
    writer.writerows(listing.rows)
    write_file(folder / listing.name, text.getvalue().encode(), FILE_MODE)
