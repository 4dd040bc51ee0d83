from competition.errors import first_line


def test_an_error_of_many_lines_or_of_none_gives_one():
    assert first_line(ValueError("\n  wrong shape\nand more\n")) == "wrong shape"
    assert first_line(KeyError("width")) == "'width'"
    assert first_line(MemoryError()) == "MemoryError"
