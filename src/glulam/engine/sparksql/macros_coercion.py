"""DuckDB macros that bring two values together (comparison, branches, decimals beside columns), and into
aggregates.

They use the families of `macros.py` and `macros_text.py`, and are created last.
"""

from __future__ import annotations

from glulam.engine.sparksql.macros import INTEGERS, REFUSED, SPARK_NAMES, family, macro, wrap_any


def _beside() -> str:
    """`glu_beside(x, y, x)`: x as Spark coerces it to compare it with y (text gives way to the other
    type)."""
    targets = {name: SPARK_NAMES[name] for name in ("BOOLEAN", "FLOAT", "DOUBLE", "DATE", "TIMESTAMP")}
    targets |= {"DECIMAL": "double"} | {duck: spark for spark, (duck, _) in INTEGERS.items()}
    overloads = [f"(kx VARCHAR, ky {duck}, x) AS glu_{spark}_string(x)" for duck, spark in targets.items()]
    overloads.append("(kx DECIMAL, ky VARCHAR, x) AS glu_double_decimal(x)")
    return macro("glu_beside", *overloads, "(kx, ky, x) AS x")


def _number_beside() -> list[str]:
    """See value.py and operators.py: `c` is a column beside a decimal literal."""
    narrow = [f"(c {name}, d, w) AS d" for name, bits in INTEGERS.values() if bits < 64]
    reals = ["(c FLOAT, d, w) AS d::DOUBLE", "(c DOUBLE, d, w) AS d::DOUBLE"]
    others = ["(c DECIMAL(38,10), d, w) AS d", "(c VARCHAR, d, w) AS d::VARCHAR"]
    picks = [f"(c {name}, p3, p5, p10, p20, r) AS p{digits}" for name, digits in
             (("TINYINT", 3), ("SMALLINT", 5), ("INTEGER", 10), ("BIGINT", 20))]  # fmt: skip
    picks += [f"(c {name}, p3, p5, p10, p20, r) AS r" for name in ("FLOAT", "DOUBLE", "VARCHAR", *REFUSED)]
    refused = [f"(c {name}, z {kind}, r) AS r" for name, _ in INTEGERS.values() for kind in REFUSED]
    refused += [f"(c {name}, z DECIMAL(38,10), r) AS r" for name in ("FLOAT", "DOUBLE", "VARCHAR")]
    return [
        macro("glu_not_integer", *refused),
        macro("glu_number_beside", *narrow, "(c BIGINT, d, w) AS w", *reals, *others),
        macro("glu_by_integer", *picks),
        macro(
            "glu_half_up",
            "(n, d) AS CASE WHEN d <> 0 THEN sign(n)::HUGEINT * sign(d)::HUGEINT * "
            "((2 * abs(n) + abs(d)) // (2 * abs(d))) END",
        ),
    ]


def _aggregates() -> list[str]:
    integers = {name: "x::BIGINT" for name, _ in INTEGERS.values()}
    reals = {"FLOAT": "x::DOUBLE", "DOUBLE": "x", "VARCHAR": "glu_double(k, x)"}
    return [
        *family("glu_sum_input", integers | reals | {"DECIMAL": "x"}),
        macro("glu_sum_result", f"(x HUGEINT) AS {wrap_any('x', 64)}", "(x) AS x"),
        macro("glu_sum_over", *[f"(k {name}, x) AS {wrap_any('x', 64)}" for name in integers],
              *[f"(k {name}, x) AS x" for name in (*reals, "DECIMAL")]),
        *family("glu_mean_input", dict.fromkeys(integers, "x::DOUBLE") | reals, decimals=False),
    ]  # fmt: skip


def coercion_macros() -> list[str]:
    return [_beside(), *_number_beside(), *_aggregates()]
