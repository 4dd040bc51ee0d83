"""Parquet submissions, read in a process of their own."""

import io

import polars
import pytest

from grader.submission.check import check_bytes
from grader.submission.parquet import as_csv
from grader.submission.problems import UnreadableError

LIMIT = 1 << 20


def parquet(columns, **options):
    file = io.BytesIO()
    polars.DataFrame(columns).write_parquet(file, **options)
    return file.getvalue()


def test_every_column_is_read_as_the_text_pandas_would_write():
    data = parquet(
        {
            "id": [7, -1, 9007199254740993],
            "text": ["007", 'a,"b"', None],
            "fraction": [0.1, 1e-7, 0.30000000000000004],
            "yes": [True, False, None],
            "kind": polars.Series(["x", "y", "x"], dtype=polars.Categorical),
        }
    )
    assert as_csv(data, LIMIT).decode().splitlines() == [
        "id,text,fraction,yes,kind",
        "7,007,0.1,True,x",
        '-1,"a,""b""",1e-7,False,y',
        "9007199254740993,,0.30000000000000004,,x",
    ]


def test_a_parquet_submission_is_accepted_like_its_csv(rules, ids):
    data = parquet({"label": ["1", "cat", "dog", "dog", "cat"], "id": ["null", "007", "NA", "a1b2c3d4e5f6", "1e3"]})
    assert check_bytes(data, rules, ids).predictions.labels.tolist() == [0, 1, 2, 0, 1]


def test_a_missing_value_is_an_empty_cell_on_its_row(rules, ids):
    data = parquet({"id": ["007", "NA", "null", "1e3", "a1b2c3d4e5f6"], "label": ["cat", None, "cat", "cat", "cat"]})
    (problem,) = check_bytes(data, rules, ids).problems
    assert (problem.message, problem.line) == ("column 'label' has 1 empty cell: line 3", 3)


def test_an_empty_table_keeps_its_header():
    assert as_csv(parquet({"id": [], "label": []}), LIMIT) == b"id,label\n"


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        (parquet({"id": [1], "label": [[1, 2]]}), "column_type", "1 column of neither text nor numbers: 'label'"),
        (parquet({"id": [1]})[:-6], "archive", "the parquet file is damaged"),
        (b"PAR1" + bytes(100) + b"PAR1", "archive", "the parquet file is damaged"),
        (parquet({"id": ["x" * 1000] * 5000}), "too_large", "the file is larger than 1,048,576 bytes as CSV text"),
        (parquet({"id": polars.repeat(1, 5_000_000, eager=True)}), "too_large", "the file is larger than"),
    ],
)
def test_what_is_no_table_of_plain_values_is_named(data, code, message):
    with pytest.raises(UnreadableError, match=message) as caught:
        as_csv(data, LIMIT)
    assert caught.value.problem.code == code


@pytest.mark.slow
def test_a_file_that_unpacks_to_gigabytes_ends_with_its_process_and_not_with_ours():
    huge = parquet({"id": ["x" * (1 << 30)], "label": ["y" * (1 << 30)]}, compression="zstd", statistics=False)
    assert len(huge) < 1 << 20
    with pytest.raises(UnreadableError) as caught:
        as_csv(huge, LIMIT)
    assert caught.value.problem.code in ("too_large", "archive")
