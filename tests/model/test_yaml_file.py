"""Where in a file something is wrong."""

from __future__ import annotations

import pytest

from glulam.model.errors import InvalidConfig
from glulam.model.yaml_file import parse

TEXT = """\
# a comment
rules:
  late:
    channels:
      - a
      - b
base: &base {x: 1}
again: {<<: *base, y: 2}
"""


def test_each_part_has_its_line() -> None:
    file = parse(TEXT, "alerts.yaml", "rules")
    assert [file.line(p) for p in (["rules"], ["rules", "late"], ["rules", "late", "channels", 1])] == [
        2,
        3,
        6,
    ]
    assert file.line(["rules", "late", "missing"]) == 3
    assert str(file.wrong(["rules", "late"], "no")) == "alerts.yaml:3: rules.late: no"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3: a: this key is there twice"),
        ("a:\n  - {x: 1, x: 2}\n", "f.yaml:2: x: this key is there twice"),
        ("- a\n", "f.yaml:1: found list, expected a mapping that starts with 'rules:'"),
        ("a: [\n", "f.yaml:2: not YAML"),
        ("a: \x07\n", "f.yaml: not text that YAML can be"),
    ],
)
def test_what_is_no_such_file_is_said_with_its_line(text: str, said: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        parse(text, "f.yaml", "rules")
    assert str(caught.value).startswith(said)


def test_a_file_that_holds_itself_ends() -> None:
    assert parse("a: &a [*a]\n", "f.yaml", "a").line(["a"]) == 1
