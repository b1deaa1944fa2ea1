"""The dialect without Spark: what is refused and how, what a tree refers to, which macros are installed."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
import sqlglot

from engine.spark_cases import EXPRESSIONS
from engine.spark_rows import table
from glulam.engine import dialect
from glulam.engine.sparksql import page
from glulam.infer.types import BIGINT, Array, Field, Struct
from glulam.model.errors import InvalidInput, UnsupportedSql


def _refusal(text: str) -> str:
    with pytest.raises(UnsupportedSql) as caught:
        dialect.translate(dialect.parse(text))
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("explode(a)", "explode()"),
        ("upper(sum(x))", "sum()"),
        ("a[0, 1]", "a[0, 1]"),
        ("rand()", "rand()"),
        ("get_json_object(a, '$.b')", "get_json_object()"),
        ("CAST(a AS array<int>)", "ARRAY<INT>"),
        ("a LIKE b", "LIKE"),
        ("a LIKE 'x\\\\y'", "LIKE pattern"),
        ("a RLIKE b", "text literal"),
        ("a RLIKE '(?=x)'", "(?=x)"),
        ("a RLIKE '(a)\\\\1'", "\\1"),
        ("a RLIKE 'a++'", "a++"),
        ("a RLIKE '(unclosed'", "(unclosed"),
        ("regexp_replace(a, 'x*', '')", "empty text"),
        ("regexp_replace(a, 'x$', '')", "\\\\z"),
        ("regexp_replace(a, 'x', '$1')", "$1"),
        ("regexp_extract(a, 'x', 1)", "group 1"),
        ("split(a, ',', 2)", "3 arguments"),
        ("substring(a)", "1 arguments"),
        ("to_date(a, b)", "text literal"),
        ("to_date(a, 'MM/dd')", "year"),
        ("to_date(a, 'yyyy-MM-dd VV')", "VV"),
        ("date_format(a, 'QQQ')", "QQQ"),
        ("date_trunc('century', a)", "century"),
        ("round(a, -1)", "-1 places"),
        ("round(a, b)", "integer literal"),
        ("sha2(a, 512)", "512"),
        ("CAST(a AS decimal(38,10)) * CAST(b AS decimal(38,10))", "DOUBLE"),
        ("CAST(a AS decimal(10,2)) % 2", "DOUBLE"),
        ("coalesce(true, 'x')", "boolean, string"),
        ("a + INTERVAL 1 DAY", "INTERVAL"),
        ("transform(a, x -> x + 1)", "TRANSFORM"),
        ("row_number() OVER (ORDER BY a)", "Window"),
        ("(SELECT 1)", "SELECT 1"),
        ("a IN (SELECT 1)", "SELECT 1"),
        ("coalesce(DISTINCT a)", "coalesce()"),
        ("count(*)", "count()"),
        ("a & b", "&"),
        ("upper(CAST(a AS binary))", "binary"),
        ("element_at(a, 0)", "element 0"),
        ("array()", "array()"),
        ("any(a > 1)", "Any"),
    ],
)
def test_what_cannot_be_made_equal_is_refused_and_named(text: str, named: str) -> None:
    message = _refusal(text)
    assert named in message
    assert "docs/sql.md" in message
    assert "--engine spark" in message


@pytest.mark.parametrize(
    ("expression", "column"),
    [
        ("a * a", "1.5::DECIMAL(5,2)"),
        ("upper(a)", "[1]"),
        ("a + 1.5", "1.5::DECIMAL(5,2)"),
        ("100.0 / a", "1::BIGINT"),
    ],
)
def test_types_that_only_the_binder_sees_are_refused_too(expression: str, column: str) -> None:
    connection = duckdb.connect()
    dialect.install(connection)
    text = dialect.translate(dialect.parse(expression))
    with pytest.raises(duckdb.BinderException) as caught:
        connection.execute(f"SELECT {text} FROM (SELECT {column} AS a)")  # noqa: S608
    assert isinstance(dialect.explain_binder_error(str(caught.value)), UnsupportedSql)
    assert dialect.explain_binder_error('Referenced column "x" not found') is None


@pytest.mark.parametrize("text", ["a +", "", "a; b", "SELECT FROM", "'open"])
def test_what_is_not_an_expression_is_invalid(text: str) -> None:
    with pytest.raises(InvalidInput, match="not a Spark SQL expression"):
        dialect.parse(text)


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE t",
        "INSERT INTO t SELECT 1",
        "CREATE TABLE t AS SELECT 1",
        "SELECT 1; DROP TABLE t",
        "1 + 1",
        "SET x = 1",
    ],
)
def test_only_queries_are_run(sql: str) -> None:
    with pytest.raises(InvalidInput):
        dialect.translate_query(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT explode(a) FROM t",
        "SELECT * FROM t LATERAL VIEW explode(a) x AS y",
        "SELECT sum(a) OVER w FROM t WINDOW w AS (ORDER BY b)",
        "SELECT a FROM t GROUP BY a WITH ROLLUP",
        "SELECT a FROM t WHERE sum(a) > 1",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * EXCEPT (a) FROM t",
        "SELECT count(DISTINCT a, b) FROM t",
        "SELECT first_value(a) IGNORE NULLS OVER (ORDER BY b) FROM t",
        "SELECT * FROM t TABLESAMPLE (1 PERCENT)",
        "SELECT a FROM t LIMIT ALL",
        "SELECT a FROM t SORT BY a",
    ],
)
def test_clauses_that_are_not_listed_are_refused(sql: str) -> None:
    with pytest.raises(InvalidInput):
        dialect.translate_query(sql)


def test_a_tree_of_another_parser_is_refused_and_not_misread() -> None:
    # sqlglot's own reading of this drops the pattern.
    with pytest.raises(UnsupportedSql, match="TO_DATE"):
        dialect.translate(sqlglot.parse_one("to_date(a, 'yyyy-MM-dd')", dialect="spark"))
    plain = sqlglot.parse_one("CAST(a AS INT)", dialect="spark")
    assert dialect.translate(plain) == dialect.translate(dialect.parse("CAST(a AS INT)"))


def test_column_references_are_paths() -> None:
    tree = dialect.parse(
        "concat(device.location.lat, id, arr[0].x, a.b.c.d.e, current_date, CASE WHEN id > 1 THEN `x y` END)"
    )
    assert dialect.column_references(tree) == {
        ("device", "location", "lat"), ("id",), ("arr",), ("a", "b", "c", "d", "e"), ("x y",)
    }  # fmt: skip


def test_casts_are_those_that_can_fail() -> None:
    tree = dialect.parse("coalesce(CAST(a AS INT), TRY_CAST(b AS DATE), c::double, 1L, date '2020-01-01')")
    assert [node.this.name for node in dialect.casts(tree)] == ["a", "b", "c"]


def test_names_are_quoted_and_text_stays_text() -> None:
    connection = duckdb.connect()
    tree = dialect.parse("concat(`we\"ird`.`a'b`, '\\'; --')")
    text = dialect.translate(tree)
    dialect.install(connection, text)
    column = """(SELECT struct_pack("a'b" := 'x') AS "we""ird")"""
    found = connection.execute(f"SELECT {text} FROM {column}").fetchone()  # noqa: S608
    assert found == ("x'; --",)


def test_install_takes_only_what_is_needed() -> None:
    rows = table()
    everything = dialect.MACROS.count("CREATE OR REPLACE")
    for expression in EXPRESSIONS[:: len(EXPRESSIONS) // 60]:
        connection = duckdb.connect()
        text = dialect.translate(dialect.parse(expression))
        dialect.install(connection, text)
        connection.register("t", rows)
        connection.execute(f"SELECT {text} FROM t")  # noqa: S608
        there = connection.execute(
            "SELECT count(DISTINCT function_name) FROM duckdb_functions() WHERE function_name LIKE 'glu_%'"
        ).fetchone()
        assert there is not None
        assert there[0] < everything / 2


def test_the_present_is_utc() -> None:
    connection = duckdb.connect()
    dialect.install(connection)
    for text, of_utc in (("current_timestamp()", lambda t: t), ("now()", lambda t: t), ("current_date",
    lambda t: t.date()),
                         ("curdate()", lambda t: t.date())):  # fmt: skip
        connection.execute("SET TimeZone = 'Asia/Tokyo'")
        before = datetime.now(UTC).replace(tzinfo=None)
        found = connection.execute(f"SELECT {dialect.translate(dialect.parse(text))}").fetchone()
        after = datetime.now(UTC).replace(tzinfo=None)
        assert found is not None
        assert of_utc(before) <= found[0] <= of_utc(after)


def test_deep_expressions_bind_in_time() -> None:
    columns = Struct((Field("a", BIGINT),))
    sums, casts, text, nested = "a", "a", "a", "a"
    for n in range(40):
        sums = f"({sums} + {n})"
    for n in range(12):
        text = f"upper(concat({text}, 'x'))"
        nested = f"CASE WHEN a > {n} THEN a ELSE {nested} END"
    for kind in ("string", "double", "string", "int", "string", "bigint"):
        casts = f"CAST({casts} AS {kind})"
    for expression in (sums, casts, text, nested):
        translated = dialect.translate(dialect.parse(expression), columns)
        connection = duckdb.connect()
        dialect.install(connection, translated)
        started = time.monotonic()
        connection.execute(f"SELECT {translated} FROM (SELECT 1::BIGINT AS a)")  # noqa: S608
        assert time.monotonic() - started < 10, expression


@pytest.mark.parametrize(
    ("text", "named"),
    [("upper(items)", "array<"), ("a + items", "array<"), ("a.b", "'b'"), ("items.z", "'z'"), ("nope + 1",
    "'nope'"),
     ("CAST(items AS STRING)", "array<"), ("round(items)", "array<"), ("a[0]", "bigint"), ("abs(items)",
     "array<")],
)  # fmt: skip
def test_with_types_what_is_not_supported_shows_at_once(text: str, named: str) -> None:
    columns = Struct((Field("a", BIGINT), Field("items", Array(Struct((Field("q", BIGINT),))))))
    with pytest.raises(InvalidInput) as caught:
        dialect.translate(dialect.parse(text), columns)
    assert named in str(caught.value)


def test_the_page_of_the_documentation_is_current() -> None:
    found = (Path(__file__).parents[2] / "docs" / "sql.md").read_text(encoding="utf-8")
    assert found == page.page(), "run: python -m glulam.engine.sparksql.page > docs/sql.md"
