"""Signs of hacking: answers that hold expected outputs, and answers without code."""

from crosspl.hacking import is_empty, is_hard_coded

TESTS = [{"stdin": "1", "stdout": "3 14 15\n"}, {"stdin": "2", "stdout": "7\n"}]


def test_expected_output_word_by_word():
    assert is_hard_coded("if x == 1: print('3', 14, 15)", TESTS)
    assert not is_hard_coded("print(3 * 14)", TESTS)
    assert not is_hard_coded("print(7)", TESTS), "a single word is in right programs by chance"


def test_any_of_several_accepted_outputs():
    tests = [{"stdin": "", "stdout": ["no such path", "14 15 92"]}]
    assert is_hard_coded("print('14 15 92')", tests) and is_hard_coded("print('no such path')", tests)
    assert not is_hard_coded("print(14)", tests)


def test_code_is_more_than_comments():
    comment = {"line": "#"}
    assert is_empty("\n# nothing\n  \n", comment) and not is_empty("# a\nprint(1)", comment)
