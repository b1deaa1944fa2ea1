"""Every supported function, cast and operator on a real Spark and on DuckDB, over the same hostile rows:
equal or red."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from engine.spark_cases import EXPRESSIONS, QUERIES, TYPED
from engine.spark_rows import COLUMNS, rows, table
from glulam.engine import dialect
from glulam.engine.sparksql.functions import FUNCTIONS
from glulam.infer.types import Field, Struct, parse_type
from glulam.model.errors import GlulamError

pytestmark = pytest.mark.spark
_CHUNK = 60
_NEARLY = ("exp(", "ln(", "log10(", "log2(", "power(", "pow(", "stddev", "std(", "var", "avg", "sum(")
"""Last bits of these may differ: Java's and C's mathematics, and the order of a sum."""


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[1]").appName("dialect")
    for key, value in {
        "spark.sql.ansi.enabled": "false", "spark.sql.session.timeZone": "UTC", "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "1", "spark.sql.codegen.wholeStage": "false",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN", "spark.driver.extraJavaOptions": "-Duser.timezone=UTC",
    }.items():  # fmt: skip
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    schema = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
    session.createDataFrame(rows(), schema).coalesce(1).createOrReplaceTempView("t")
    yield session
    session.stop()


@pytest.fixture(scope="module")
def duck() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    dialect.install(connection)
    connection.register("rows", table())
    connection.execute("CREATE TABLE t AS SELECT * FROM rows")
    return connection


_TYPES = {"VARCHAR": "string", "INTEGER": "int", "BLOB": "binary", '"NULL"': "void"}


def _spark_type(duck_type: Any) -> str:
    if duck_type.id == "list":
        return f"array<{_spark_type(duck_type.children[0][1])}>"
    if duck_type.id == "struct":
        return f"struct<{','.join(f'{name}:{_spark_type(kind)}' for name, kind in duck_type.children)}>"
    text = str(duck_type)
    return _TYPES.get(text, text.lower())


def _moment(kind: str) -> bool:
    """Compared as text: Python's own dates end with the year 9999."""
    return kind in ("date", "timestamp")


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else value
    if isinstance(value, (list, tuple)) and not hasattr(value, "asDict"):
        return [_plain(v) for v in value]
    if hasattr(value, "asDict"):
        return {k: _plain(v) for k, v in value.asDict().items()}
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return bytes(value) if isinstance(value, (bytes, bytearray)) else value


def _same(left: Any, right: Any, nearly: bool) -> bool:
    left, right = _plain(left), _plain(right)
    if isinstance(left, float) and isinstance(right, float):
        return repr(left) == repr(right) or (nearly and math.isclose(left, right, rel_tol=1e-13))
    return left == right and type(left) is type(right)


def _differences(what: str, expected: Any, found: Any, inputs: list[Any]) -> list[str]:
    nearly = any(word in what.lower() for word in _NEARLY)
    return [
        f"{what}  for {inputs[n]!r}: Spark {e!r}, DuckDB {f!r}"
        for n, (e, f) in enumerate(zip(expected, found, strict=True))
        if not _same(e, f, nearly)
    ]


_ALL = [*EXPRESSIONS, *TYPED]
_STRUCT = Struct(tuple(Field(name, parse_type(kind)) for name, (kind, _) in COLUMNS.items()))


def _translations(expression: str) -> list[str]:
    """Without and with the types of the columns: both mean the same."""
    tree = dialect.parse(expression)
    typed = dialect.translate(tree, _STRUCT)
    return [typed] if expression in TYPED else [dialect.translate(tree), typed]


@pytest.mark.parametrize("start", range(0, len(_ALL), _CHUNK))
def test_expressions_mean_what_they_mean_to_spark(
    spark: Any, duck: duckdb.DuckDBPyConnection, start: int
) -> None:
    expressions = _ALL[start : start + _CHUNK]
    frame = spark.sql("select " + ", ".join(f"{e} as c{n}" for n, e in enumerate(expressions)) + " from t")  # noqa: S608
    shown = [f"cast(c{n} as string) as c{n}" if _moment(f.dataType.simpleString()) else f"c{n}"
             for n, f in enumerate(frame.schema.fields)]  # fmt: skip
    expected = [list(column) for column in zip(*frame.selectExpr(*shown).collect(), strict=True)]
    wrong = []
    for n, expression in enumerate(expressions):
        names = sorted({path[0] for path in dialect.column_references(dialect.parse(expression))}) or ["1"]
        inputs = duck.execute(f"select {', '.join(names)} from t").fetchall()  # noqa: S608
        spark_kind = frame.schema.fields[n].dataType.simpleString()
        try:
            for text in _translations(expression):
                kind, values = _on_duckdb(duck, text)
                if kind != spark_kind and spark_kind != "void":
                    wrong.append(f"{expression}: Spark's type is {spark_kind}, DuckDB's {kind}")
                wrong += _differences(expression, expected[n], values, inputs)[:3]
        except (duckdb.Error, GlulamError) as error:
            wrong.append(f"{expression}: {type(error).__name__}: {str(error)[:300]}")
    assert not wrong, "\n" + "\n".join(wrong)


def _on_duckdb(duck: duckdb.DuckDBPyConnection, text: str) -> tuple[str, list[Any]]:
    kind = _spark_type(duck.execute(f"select {text} from t").description[0][1])  # noqa: S608
    shown = f"glu_string({text}, {text})" if _moment(kind) else text
    return kind, [r[0] for r in duck.execute(f"select {shown} from t").fetchall()]  # noqa: S608


@pytest.mark.parametrize("query", QUERIES)
def test_queries_mean_what_they_mean_to_spark(
    spark: Any, duck: duckdb.DuckDBPyConnection, query: str
) -> None:
    frame = spark.sql(query)
    expected = [tuple(r) for r in frame.collect()]
    found = duck.execute(dialect.translate_query(query))
    kinds = [_spark_type(d[1]) for d in found.description]
    values = found.fetchall()
    if "order by" not in query:
        expected, values = (
            sorted(r, key=lambda row: [(v is None, v) for v in row]) for r in (expected, values)
        )
    nearly = any(word in query for word in _NEARLY)
    assert kinds == [f.dataType.simpleString() for f in frame.schema.fields]
    assert len(values) == len(expected)
    wrong = [(e, v) for e, v in zip(expected, values, strict=True)
             if not all(_same(a, b, nearly) for a, b in zip(e, v, strict=True))]  # fmt: skip
    assert not wrong, wrong[:5]


def test_every_supported_function_has_a_case() -> None:
    text = " ".join([*EXPRESSIONS, *QUERIES]).lower()
    untested = [
        n
        for n in FUNCTIONS
        if f"{n}(" not in text and n not in ("current_date", "curdate", "current_timestamp", "now")
    ]
    assert not untested, f"no differential case for: {', '.join(sorted(untested))}"
