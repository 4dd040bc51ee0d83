"""A folder of many runs belongs to one comparison."""

import json
from pathlib import Path

import pytest

from baselines.kit.claim import claim_folder
from competition.errors import UserError


def test_the_first_claim_is_written_down_and_the_same_one_holds_again(tmp_path: Path):
    for _ in range(2):
        claim_folder(tmp_path / "runs", "grid", {"seed": 3})
    assert json.loads((tmp_path / "runs" / "grid.json").read_text()) == {"seed": 3}


@pytest.mark.parametrize("there", ['{"seed": 4}', "[]", "{", "\udcff"])
def test_another_or_a_damaged_claim_is_refused_and_stays(tmp_path: Path, there: str):
    file = tmp_path / "grid.json"
    file.write_bytes(there.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match="holds another grid"):
        claim_folder(tmp_path, "grid", {"seed": 3})
    assert file.read_bytes() == there.encode(errors="surrogateescape")
