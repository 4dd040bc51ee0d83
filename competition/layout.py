"""Where the files of a competition lie: the names inside a bundle and inside the vault, declared once."""

from pathlib import Path

SPEC_FILE = "competition.yaml"  # in the folder of a competition

TRAIN_IMAGES = "train_images.npy"
TEST_IMAGES = "test_images.npy"
TRAIN_TABLE = "train.csv"
TEST_TABLE = "test.csv"
SAMPLE_SUBMISSION = "sample_submission.csv"
LABELS_TABLE = "labels.csv"
MANIFEST = "manifest.json"
DESCRIPTION = "description.md"

SOLUTION = "solution.csv"
SECRET_BYTES = 32  # of the secret that keys test membership, order and ids


def bundle_folder(data: Path, competition: str) -> Path:
    """The bundle of a competition below the data folder (`GRADER_DATA`)."""
    return data / competition


def vault_folder(home: Path, competition: str) -> Path:
    """The vault of a competition below the state folder (`GRADER_HOME`)."""
    return home / "vault" / competition
