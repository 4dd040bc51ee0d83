"""Every way a submission can be wrong, with the exact words a participant reads."""

import gzip
import io
import json
import zipfile

import numpy as np
import pytest

from competition.errors import UserError
from grader.submission.check import check_bytes, check_submission
from grader.submission.index import TextIndex

GOOD = b"id,label\nNA,dog\n007,cat\nnull,1\n1e3,cat\na1b2c3d4e5f6,dog\n"
SAVE_AS_UTF8 = "save it as UTF-8 (Excel: 'CSV UTF-8', 'CSV UTF-8(쉼표로 분리)')"


def zipped(entries):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return archive.getvalue()


def told(checked):
    assert checked.predictions is None
    return [(problem.code, problem.message, problem.line, problem.ids) for problem in checked.problems]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(GOOD, id="plain"),
        pytest.param(GOOD.rstrip(b"\n"), id="no line end at the end"),
        pytest.param(b"\xef\xbb\xbf" + GOOD, id="byte order mark"),
        pytest.param(GOOD.replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(GOOD.replace(b"\n", b"\r"), id="CR"),
        pytest.param(GOOD.replace(b"\n", b"\n\n"), id="blank lines"),
        pytest.param(GOOD.replace(b"cat", b'"cat"').replace(b"NA", b'"NA"'), id="quotes"),
        pytest.param(b"label,id\n1,null\ncat,007\ndog,NA\ndog,a1b2c3d4e5f6\ncat,1e3\n", id="other order"),
        pytest.param(gzip.compress(GOOD), id="gzip"),
        pytest.param(gzip.compress(GOOD[:20]) + gzip.compress(GOOD[20:]), id="gzip of two members"),
        pytest.param(zipped({"submission.csv": GOOD}), id="zip"),
        pytest.param(zipped({"out/": b"", "out/S.CSV": GOOD, "__MACOSX/out/._S.CSV": b"\0"}), id="zip made by macOS"),
    ],
)
def test_a_right_file_is_aligned_to_the_ids(data, rules, ids):
    checked = check_bytes(data, rules, ids)
    assert checked.problems == ()
    assert checked.rows == 5
    assert checked.predictions.labels.dtype == np.int32
    assert checked.predictions.labels.tolist() == [0, 1, 2, 0, 1]


UNREADABLE = {
    "empty": (b"", "empty_file", "the file is empty", None),
    "blank": (b"\xef\xbb\xbf \r\n\n", "empty_file", "the file is empty", None),
    "utf-16": (GOOD.decode().encode("utf-16"), "utf16", f"the file is UTF-16 or UTF-32 text; {SAVE_AS_UTF8}", None),
    "utf-16 without mark": (
        GOOD.decode().encode("utf-16-be"),
        "utf16",
        f"the file is UTF-16 or UTF-32 text; {SAVE_AS_UTF8}",
        None,
    ),
    "cp949": (
        GOOD + "x,고양이\n".encode("cp949"),
        "not_utf8",
        f"line 7 is not UTF-8 text; {SAVE_AS_UTF8.replace('it', 'the file', 1)}",
        7,
    ),
    "nul": (
        GOOD + b"\0",
        "nul_byte",
        "line 7 holds a NUL byte: the file is damaged or no text",
        7,
    ),
    "binary": (bytes(range(256)), "not_csv", "the file is binary, not a CSV", None),
    "png": (b"\x89PNG\r\n\x1a\n", "not_csv", "the file is a PNG image, not a CSV", None),
    "pickle": (b"\x80\x04\x95", "not_csv", "the file is a Python pickle, not a CSV", None),
    "html": (
        b"\n<!DOCTYPE html><html><body>Login</body></html>",
        "html",
        "the file is a web page (HTML or XML), not a CSV; was it saved from a login or error page?",
        None,
    ),
    "json": (b'{"id": 1}', "not_csv", "the file looks like JSON, not like a CSV", None),
    "semicolons": (
        GOOD.replace(b",", b";"),
        "delimiter",
        "the cells are separated by ';'; separate them by commas",
        1,
    ),
    "quoted semicolons": (
        b'"id";"label"\n"NA";"dog"\n',
        "delimiter",
        "the cells are separated by ';'; separate them by commas",
        1,
    ),
    "tabs": (GOOD.replace(b",", b"\t"), "delimiter", "the cells are separated by tabs; separate them by commas", 1),
    "no header": (
        GOOD.split(b"\n", 1)[1],
        "no_header",
        "the first line must name the columns (id,label), but is a row already",
        1,
    ),
    "open quote": (GOOD + b'x,"dog\n', "quote", "the quote that opens on line 7 is never closed", 7),
    "text behind a quote": (
        b'id,label\n"NA"x,dog\n',
        "quote",
        "line 2 has text behind a closing quote; a quote inside a quoted cell is written twice",
        2,
    ),
    "long line": (
        GOOD + b"x" * 1_100_000 + b",dog\n",
        "line_too_long",
        "line 7 is longer than 1,048,576 bytes",
        7,
    ),
    "long quoted line": (
        GOOD + b'"' + b"x" * 1_100_000 + b'",dog\n',
        "line_too_long",
        "line 7 is longer than 1,048,576 bytes",
        7,
    ),
    "endless": (
        b"id,label\n" * 100_100,
        "row_count",
        "the file has 100,100 lines, far more than the expected rows",
        None,
    ),
    "cut gzip": (
        gzip.compress(GOOD)[:-9],
        "archive",
        "the gzip archive is damaged or cut off; pack and upload it again",
        None,
    ),
    "cut zip": (
        zipped({"a.csv": GOOD})[:-9],
        "archive",
        "the zip archive is damaged or cut off; pack and upload it again",
        None,
    ),
    "empty zip": (zipped({}), "archive", "the zip archive is empty; it must hold exactly one CSV", None),
    "zip of two": (
        zipped({"a.csv": GOOD, "b\n.csv": GOOD}),
        "archive",
        "the zip archive must hold exactly one CSV, but holds 2 files: 'a.csv', 'b\\n.csv'",
        None,
    ),
    "zip of text": (
        zipped({"a.txt": GOOD}),
        "archive",
        "the zip archive must hold exactly one CSV, but holds 1 file: 'a.txt'",
        None,
    ),
    "zip of thousands": (
        zipped({f"{number:0100}.csv": b"" for number in range(9000)}),
        "archive",
        "the zip archive must hold exactly one CSV, but holds thousands of files",
        None,
    ),
    "endless header": (b"," * 3_000_000 + b"\n1,2\n", "line_too_long", "line 1 is longer than 1,048,576 bytes", 1),
    "endless quoted header": (
        b'"a"' + b"," * 3_000_000 + b"\n1,2\n",
        "line_too_long",
        "line 1 is longer than 1,048,576 bytes",
        1,
    ),
    "endless record of short lines": (
        b"id,label\n" + b',,,"\n",' * 300_000,
        "row_count",
        "the file has 300,001 lines, far more than the expected rows",
        None,
    ),
    "long record of short lines": (
        b"id,label\n" + (b"," * 500 + b'"\n"') * 9_000,
        "line_too_long",
        "line 2 is longer than 1,048,576 bytes",
        2,
    ),
    "wide header over short rows": (
        b"id" + b",x" * 400_000 + b"\n" + b"a,b\n" * 50_000,
        "ragged_row",
        "nearly all rows have fewer cells than the header, which has 400,001",
        2,
    ),
    "excel": (
        zipped({"[Content_Types].xml": b"", "xl/workbook.xml": b""}),
        "archive",
        "the file is an Excel workbook, not a CSV; save it as 'CSV UTF-8'",
        None,
    ),
    "archive in archive": (
        gzip.compress(zipped({"a.csv": GOOD})),
        "not_csv",
        "the file is a zip archive, not a CSV",
        None,
    ),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_file_without_a_table_is_named_in_words(case, rules, ids):
    data, code, message, line = UNREADABLE[case]
    assert told(check_bytes(data, rules, ids)) == [(code, message, line, ())]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda data: zipped({"a.csv": data})])
def test_a_file_over_the_size_limit_is_refused_packed_or_not(pack, make_rules, ids, tmp_path):
    file = tmp_path / "submission"
    file.write_bytes(pack(GOOD + b"x,dog\n" * 10_000))
    ((code, message, _, _),) = told(check_submission(file, make_rules(max_bytes=5_000), ids))
    assert code == "too_large"
    assert message.endswith("is larger than 5,000 bytes; send one row for each test id only")


def test_a_bomb_is_left_when_the_limit_is_reached(make_rules, ids):
    bomb = gzip.compress(bytes(1 << 28), 9)
    assert len(bomb) < 300_000
    assert told(check_bytes(bomb, make_rules(max_bytes=1 << 20), ids))[0][0] == "too_large"


WRONG_TABLES = {
    "column in other case": (
        "id,Label\nNA,dog\n007,cat\nnull,1\n1e3,cat\na1b2c3d4e5f6,dog",
        [("missing_column", "1 column is missing: 'label' (is it 'Label'? rename that)", 1, ())],
    ),
    "column missing": (
        "id,answer\nNA,dog\n007,cat\nnull,1\n1e3,cat\na1b2c3d4e5f6,dog",
        [
            ("missing_column", "1 column is missing: 'label'", 1, ()),
            ("extra_column", "1 column is too many: 'answer'", 1, ()),
        ],
    ),
    "index column": (
        ",id,label\n0,NA,dog\n1,007,cat\n2,null,1\n3,1e3,cat\n4,a1b2c3d4e5f6,dog",
        [
            (
                "extra_column",
                "1 column is too many: ''; write the file without its index (pandas: to_csv(…, index=False))",
                1,
                (),
            )
        ],
    ),
    "column twice": (
        "id,label,label\nNA,dog,dog\n007,cat,dog\nnull,1,dog\n1e3,cat,dog\na1b2c3d4e5f6,dog,dog",
        [("duplicate_column", "1 column name stands more than once in the header: 'label'", 1, ())],
    ),
    "header alone": (
        "id,label",
        [
            ("row_count", "the file has 0 rows, but 5 are expected: 5 too few", None, ()),
            (
                "missing_id",
                "5 ids are missing: '007', '1e3', 'NA', 'a1b2c3d4e5f6', 'null'",
                None,
                ("007", "1e3", "NA", "a1b2c3d4e5f6", "null"),
            ),
        ],
    ),
    "ids as spreadsheets mangle them": (
        "id,label\n7,dog\nna,dog\n null,dog\n1000,dog\na1b2c3d4e5f6,dog",
        [
            ("missing_id", "4 ids are missing: '007', '1e3', 'NA', 'null'", None, ("007", "1e3", "NA", "null")),
            (
                "unknown_id",
                "4 ids are not among the expected ids: '7' (line 2, not '007'), 'na' (line 3, not 'NA'), "
                "' null' (line 4, not 'null'), '1000' (line 5)",
                2,
                ("7", "na", " null", "1000"),
            ),
        ],
    ),
    "one id missing, one twice": (
        "id,label\nNA,dog\n007,cat\nNA,1\n1e3,cat\na1b2c3d4e5f6,dog",
        [
            ("missing_id", "1 id is missing: 'null'", None, ("null",)),
            ("duplicate_id", "1 id stands in more than one row: 'NA' (lines 2, 4)", 4, ("NA",)),
        ],
    ),
    "rows too many": (
        GOOD.decode() + "NA,dog\nNA,dog\nNA,dog\nNA,dog\nNA,dog\nx,dog\n",
        [
            ("row_count", "the file has 11 rows, but 5 are expected: 6 too many", None, ()),
            ("unknown_id", "1 id is not among the expected ids: 'x' (line 12)", 12, ("x",)),
            ("duplicate_id", "1 id stands in more than one row: 'NA' (lines 2, 7, 8, 9, 10 and 1 more)", 7, ("NA",)),
        ],
    ),
    "ragged rows": (
        "id,label\nNA,dog\n007\n\nnull,1,\n1e3,cat\na1b2c3d4e5f6,dog",
        [
            (
                "ragged_row",
                "2 rows have another number of cells than the header, which has 2: line 3 has 1, line 5 has 3",
                3,
                (),
            )
        ],
    ),
    "empty cells": (
        "id,label\nNA,\n007,cat\nnull,\n1e3,cat\n,dog",
        [
            ("missing_id", "1 id is missing: 'a1b2c3d4e5f6'", None, ("a1b2c3d4e5f6",)),
            ("empty_cell", "column 'id' has 1 empty cell: line 6", 6, ("",)),
            ("empty_cell", "column 'label' has 2 empty cells: lines 2, 4", 2, ("NA", "null")),
        ],
    ),
    "labels outside the set": (
        "id,label\nNA,Dog\n007,cat \nnull,1.0\n1e3,dgo\na1b2c3d4e5f6,\x1b[31mfish",
        [
            (
                "unknown_label",
                "column 'label' has 5 cells with no label of this competition: 'Dog' (line 2, not 'dog'), "
                "'cat ' (line 3, not 'cat'), '1.0' (line 4, not '1'), 'dgo' (line 5, not 'dog'), "
                "'\\x1b[31mfish' (line 6); the labels are 'cat', 'dog', '1'",
                2,
                ("NA", "007", "null", "1e3", "a1b2c3d4e5f6"),
            )
        ],
    ),
    "everything at once": (
        "id,label,note\nNA,dog,\nNA,bird,\nxx,cat\n",
        [
            ("extra_column", "1 column is too many: 'note'", 1, ()),
            (
                "ragged_row",
                "1 row has another number of cells than the header, which has 3: line 4 has 2",
                4,
                (),
            ),
            ("row_count", "the file has 3 rows, but 5 are expected: 2 too few", None, ()),
            (
                "missing_id",
                "4 ids are missing: '007', '1e3', 'a1b2c3d4e5f6', 'null'",
                None,
                ("007", "1e3", "a1b2c3d4e5f6", "null"),
            ),
            ("unknown_id", "1 id is not among the expected ids: 'xx' (line 4)", 4, ("xx",)),
            ("duplicate_id", "1 id stands in more than one row: 'NA' (lines 2, 3)", 3, ("NA",)),
            (
                "unknown_label",
                "column 'label' has 1 cell with no label of this competition: 'bird' (line 3); "
                "the labels are 'cat', 'dog', '1'",
                3,
                ("NA",),
            ),
        ],
    ),
}


@pytest.mark.parametrize("case", WRONG_TABLES)
def test_all_problems_of_a_table_are_told_together(case, rules, ids):
    text, expected = WRONG_TABLES[case]
    assert told(check_bytes(text.encode(), rules, ids)) == expected


def test_the_same_problems_are_told_of_a_quoted_file(rules, ids):
    for text, expected in WRONG_TABLES.values():
        head, *rows = text.splitlines()
        quoted = "\n".join([f'"{head.split(",")[0]}",{",".join(head.split(",")[1:])}', *rows])
        assert told(check_bytes(quoted.encode(), rules, ids)) == expected


def test_only_the_first_ten_are_told_and_the_rest_counted(rules):
    names = [f"n{number:03}" for number in range(40)]
    data = "id,label\n" + "".join(f"x{name},dog\n" for name in names)
    missing, unknown = told(check_bytes(data.encode(), rules, TextIndex.from_texts(names[::-1])))
    first = ", ".join(f"'{name}'" for name in names[:10])
    assert missing == ("missing_id", f"40 ids are missing: {first} and 30 more", None, tuple(names[:10]))
    assert unknown[1].endswith("'xn009' (line 11) and 30 more")
    assert unknown[2:] == (2, tuple(f"x{name}" for name in names[:10]))


WRONG_CELLS = {
    "values": (
        {"form": "values", "labels": ()},
        "id,label\nNA,nan\n007,-inf\nnull,1e999\n1e3,1_0\na1b2c3d4e5f6,3;5",
        [
            (
                "not_a_number",
                "column 'label' has 2 cells with no number: '1_0' (line 5), '3;5' (line 6)",
                5,
                ("1e3", "a1b2c3d4e5f6"),
            ),
            (
                "not_finite",
                "column 'label' has 3 cells with NaN or infinity: 'nan' (line 2), '-inf' (line 3), '1e999' (line 4)",
                2,
                ("NA", "007", "null"),
            ),
        ],
    ),
    "probabilities": (
        {"form": "probabilities"},
        "id,cat,dog,1\nNA,1.5,-0.5,0\n007,0.5,0.5,0.5\nnull,,0,1\n1e3,x,NaN,1\na1b2c3d4e5f6,0.333,0.333,0.333",
        [
            ("empty_cell", "column 'cat' has 1 empty cell: line 4", 4, ("null",)),
            ("not_a_number", "column 'cat' has 1 cell with no number: 'x' (line 5)", 5, ("1e3",)),
            ("probability_range", "column 'cat' has 1 probability outside 0 to 1: '1.5' (line 2)", 2, ("NA",)),
            ("not_finite", "column 'dog' has 1 cell with NaN or infinity: 'NaN' (line 5)", 5, ("1e3",)),
            ("probability_range", "column 'dog' has 1 probability outside 0 to 1: '-0.5' (line 2)", 2, ("NA",)),
            (
                "probability_sum",
                "2 rows do not sum to 1 within 0.0001: 1.5 (line 3), 0.999 (line 6)",
                3,
                ("007", "a1b2c3d4e5f6"),
            ),
        ],
    ),
    "labels where probabilities are asked": (
        {"form": "probabilities"},
        GOOD.decode(),
        [
            (
                "missing_column",
                "3 columns are missing: 'cat', 'dog', '1'; "
                "this competition asks for the probability of each label, not for a label",
                1,
                (),
            ),
            ("extra_column", "1 column is too many: 'label'", 1, ()),
        ],
    ),
    "rankings": (
        {"form": "rankings"},
        "id,label\nNA,cat dog\n007,cat cat\nnull,dog bird\n1e3,\na1b2c3d4e5f6,1",
        [
            ("empty_cell", "column 'label' has 1 empty cell: line 5", 5, ("1e3",)),
            (
                "wrong_ranking",
                "column 'label' has 2 cells that are no ranking: line 3 names a label twice, "
                "line 4 names 'bird', which is no label",
                3,
                ("007", "null"),
            ),
        ],
    ),
    "masks": (
        {"form": "masks", "labels": ()},
        "id,label\nNA,1 2 5\n007,5 2 6 1\nnull,0 3\n1e3,a b\na1b2c3d4e5f6,",
        [
            (
                "wrong_mask",
                "column 'label' has 4 cells that are no mask: line 2 has a start without a length, "
                "line 3 has runs that overlap or do not ascend, line 4 has a start or a length of 0, "
                "line 5 holds something else than whole numbers",
                2,
                ("NA", "007", "null", "1e3"),
            )
        ],
    ),
}


@pytest.mark.parametrize("case", WRONG_CELLS)
def test_wrong_cells_of_each_form_are_told(case, make_rules, ids):
    changes, text, expected = WRONG_CELLS[case]
    assert told(check_bytes(text.encode(), make_rules(probability_tolerance=1e-4, **changes), ids)) == expected


def test_right_cells_of_each_form_are_read(make_rules, ids):
    def predictions(text, **changes):
        return check_bytes(text.encode(), make_rules(**changes), ids).predictions

    shuffled = "id,{}\nNA,{}\nnull,{}\n007,{}\n1e3,{}\na1b2c3d4e5f6,{}\n"
    values = predictions(shuffled.format("label", "1", "2.5", "-1e-3", ".5", "5."), form="values").values
    assert values.tolist() == [-1e-3, 1.0, 2.5, 0.5, 5.0]
    rows = ("0.5,0,0.5", "0,0,1", "1,0,0", "0,1,0", "0.2,0.2,0.6")
    table = predictions(shuffled.format("cat,1,dog", *rows), form="probabilities").probabilities
    assert table.tolist() == [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0, 1], [0.2, 0.6, 0.2]]
    rankings = predictions(
        shuffled.format("label", "cat dog", "1", "dog", "dog 1 cat", "cat"), form="rankings"
    ).rankings
    assert rankings == ["dog", "cat dog", "1", "dog 1 cat", "cat"]
    assert predictions(shuffled.format("label", "1 3", "", "2 2 7 1", "", ""), form="masks").masks == [
        "2 2 7 1", "1 3", "", "", ""
    ]  # fmt: skip


@pytest.mark.parametrize(("matching", "accepted"), [("number", True), ("text", False)])
def test_whether_numbers_written_differently_are_one_label_is_the_rules_choice(matching, accepted, make_rules, ids):
    data = b"id,label\nNA,0\n007,0.0\nnull,00\n1e3,10\na1b2c3d4e5f6,1e1\n"
    checked = check_bytes(data, make_rules(labels=("0", "10", "True"), label_matching=matching), ids)
    assert (checked.predictions is not None) == accepted
    if accepted:
        assert checked.predictions.labels.tolist() == [0, 0, 0, 1, 1]


def test_true_is_not_one_even_where_labels_are_numbers(make_rules, ids):
    rules = make_rules(labels=("0", "1"), label_matching="number")
    ((code, message, _, _),) = told(check_bytes(GOOD.replace(b"dog", b"True").replace(b"cat", b"0"), rules, ids))
    assert (code, message) == (
        "unknown_label",
        "column 'label' has 2 cells with no label of this competition: 'True' (line 2); the labels are '0', '1'",
    )


def test_problems_are_plain_json(rules, ids):
    (problem,) = check_bytes(GOOD.replace(b"1\n", b"bird\n"), rules, ids).problems
    assert json.loads(json.dumps(problem.to_json())) == {
        "code": "unknown_label",
        "message": "column 'label' has 1 cell with no label of this competition: 'bird' (line 4); "
        "the labels are 'cat', 'dog', '1'",
        "line": 4,
        "ids": ["null"],
    }


def test_a_file_that_cannot_be_opened_is_no_submission(rules, ids, tmp_path):
    with pytest.raises(UserError, match="there is no such file"):
        check_submission(tmp_path / "missing.csv", rules, ids)
    with pytest.raises(UserError, match="this is a folder, not a file"):
        check_submission(tmp_path, rules, ids)


def test_the_order_of_the_expected_ids_changes_no_message(rules):
    """The solution may be sorted by label: the first ten missing ids must not follow its order."""
    names = [f"{number:04x}" for number in range(50)]
    data = b"id,label\n0001,dog\n"
    orders = (names, names[::-1], names[7:] + names[:7])
    answers = {check_bytes(data, rules, TextIndex.from_texts(order)).problems for order in orders}
    assert len(answers) == 1
