"""The expression language of GetPartitions: what is read, what is refused, and that PostgreSQL says what Python says."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from psycopg import sql

from catalog.expression_texts import KEYS, expressions, rows
from glulam.catalog.expression_parser import parse_expression
from glulam.catalog.expressions import Expression, matches
from glulam.catalog.partition_keys import NULL_VALUE, PartitionKey
from glulam.catalog.partition_sql import where
from glulam.ledger.arrays import texts
from glulam.model.errors import InvalidInput
from glulam.store.database import Database

ROW = ("10", "US", "2024-02-29", "2024-01-01 10:00:00", "1.50")


def parse(text: str) -> Expression:
    tree = parse_expression(text, KEYS)
    assert tree is not None
    return tree


@pytest.mark.parametrize(
    "text",
    [
        "i = 10", "i='10'", "I > 9", "i <> 9", "i != 9", "i < > 9", "9 < i", "i >= +10", "i between 9 and 10",
        "i in (1, 10)", "i not in (1, 2)", "(i) NOT IN (1)", "((i)) = 10", "((s) = 'US' and (i) = (10))",
        "s = 'US'", "`s` = 'US'", '"s" = \'US\'', 's = "US"', "s like 'U_'", "s like '%'", "s not like 'us'",
        "s < 'Ua'", "s is not null", "not s is null", "not not s = 'US'", "s <> 'o''x'",
        "d = '2024-02-29'", "d > date '2024-02-28'", "d < DATE'2024-03-01'", "d is not null",
        "t = '2024-01-01 10:00:00.000'", "t < timestamp '2024-01-01 10:00:00.1'",
        "x = 1.5", "x > -2", "x = '1.500'", "x < 1e1", "x in (1.50)",
        "i = 1 or i = 2 or i = 10", "i = 10 or i = 1 and i = 2", "(i = 10 or i = 1) and s = 'US'", " \n i\t=\r10 ",
    ],
)  # fmt: skip
def test_what_is_true_of_a_partition(text: str) -> None:
    assert matches(parse(text), ROW) is True
    assert matches(parse(f"NOT ({text})"), ROW) is False


def test_the_type_of_the_key_says_what_is_compared() -> None:
    keys = (PartitionKey(name="n", type="string"), PartitionKey(name="m", type="smallint"))
    for text in ("n = 07", "m = 7", "n > '0'", "m < 10", "n > '06'"):
        tree = parse_expression(text, keys)
        assert tree is not None
        assert matches(tree, ("07", "07")), text
    less = parse_expression("n < 10", keys)
    assert less is not None
    assert not matches(less, ("9", "9")), "texts compare as texts"


def test_null_is_unknown_and_hive_has_a_word_for_it() -> None:
    null = ("x", NULL_VALUE, "x", NULL_VALUE, "x")
    assert matches(parse("s is null"), null) is True
    assert matches(parse(f"s = '{NULL_VALUE}'"), null) is True
    assert matches(parse(f"s in ('a', '{NULL_VALUE}')"), null) is True
    assert matches(parse(f"t <> '{NULL_VALUE}'"), null) is False
    assert matches(parse(f"t <> '{NULL_VALUE}'"), ROW) is True
    for text in (
        "s = 'a'",
        "s <> 'a'",
        "not s = 'a'",
        "s like '%'",
        "s not in ('a')",
        "i = 1",
        "i <> 1",
        "d < '2024-01-01'",
    ):
        assert matches(parse(text), null) is None, text
    assert matches(parse("s = 'a' or i is not null"), null) is True
    assert matches(parse("s = 'a' and d is null"), null) is False


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("i = ", r"character 4: found the end, expected a partition key or a literal"),
        ("i", "character 2: found the end, expected a comparison"),
        ("i = 1 i = 2", "character 7: found 'i', expected AND, OR or the end"),
        ("i = 1 and", "character 10: found the end"),
        ("(i = 1", r"character 7: found the end, expected \)"),
        ("i = 1)", r"character 6: found '\)', expected AND, OR or the end"),
        ("s = 'abc", "character 5: found .*is a quote missing"),
        ("i in ()", r"character 7: found '\)'"),
        ("i in 1", r"character 6: found '1', expected \("),
        ("i between 1 or 2", "character 13: found 'OR', expected AND"),
        ("i is 1", "character 6: found '1', expected NULL"),
        ("i not 1", "character 7: found '1', expected a comparison, IN"),
        ("i = d", "character 3: found '=', expected a comparison of a partition key and a literal"),
        ("1 = 1", "comparison of a partition key and a literal"),
        ("i in (d)", "character 7: found a partition key, expected a literal"),
        ("'a' like 'a'", "comparison with a partition key after the literal"),
        ("nope = 1", r"Invalid partition expression! character 1: found 'nope', expected .*\(i, S, d, t, x\)"),
        ("i = 1 and `nope` = 1", "character 11: found 'nope'"),
        ("i = abc", "character 5: found 'abc', expected a partition key"),
        ("i = 'abc'", r'"abc" is not an integer. \(character 5\)'),
        ("i = 1.5", '"1.5" is not an integer'),
        ("x = 'abc'", "is not a decimal"),
        ("d = '2023-02-29'", "is not a date"),
        ("d = date '2023-02-29'", "found '2023-02-29', expected a date"),
        ("t = '2024-01-01'", "is not a timestamp"),
        ("i like '1%'", "Integral data type doesn't support operation 'LIKE'"),
        ("d like '1%'", "Date data type doesn't support operation 'LIKE'"),
        ("s = 1 + 1", "character 7: found '\\+ 1'"),
        ("s = lower('a')", "character 5: found 'lower'"),
        ("s = 'a'; DROP TABLE x", "character 8: found '; DROP TAB'"),
        ("s = 'a\0'", r"character 7: found U\+0000"),
        ("(" * 1000 + "i = 1" + ")" * 1000, "at most 100 parentheses"),
        ("not " * 400 + "i = 1", "at most 100 parentheses and NOTs"),
    ],
)  # fmt: skip
def test_what_is_refused_says_where_and_what(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse_expression(text, KEYS)


def test_blank_is_everything_and_an_odd_type_is_refused() -> None:
    assert parse_expression("", KEYS) is None
    assert parse_expression(" \n", KEYS) is None
    odd = (PartitionKey(name="b", type="boolean"),)
    with pytest.raises(InvalidInput, match=r"Unknown type : 'boolean' \(partition key 'b'\)"):
        parse_expression("b = 'true'", odd)
    with pytest.raises(InvalidInput, match="the table is not partitioned"):
        parse_expression("b = 1", ())


@pytest.fixture
def conn(database: Database) -> psycopg.Connection:
    with database.connection() as session:
        yield session


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=expressions(), values=rows())
@example(text="S LIKE '%\\'", values=[["1", "a\\", "x", "x", "x"]])  # nothing escapes in a pattern
@example(text="S NOT LIKE 'a\\%'", values=[["1", "a%", "x", "x", "x"], ["1", "a\\b", "x", "x", "x"]])
def test_postgresql_selects_what_python_selects(
    conn: psycopg.Connection, text: str, values: list[list[str]]
) -> None:
    tree = parse(text)
    condition, params = where(tree)
    query = sql.SQL(
        'SELECT n - 1, {} FROM (SELECT n, v::text[] COLLATE "C" AS "values" '
        "FROM unnest(%s::text[]) WITH ORDINALITY u (v, n)) p ORDER BY n"
    ).format(condition)
    said = conn.execute(query, (*params, texts(texts(row) for row in values))).fetchall()
    assert said == [(n, matches(tree, row)) for n, row in enumerate(values)], text
