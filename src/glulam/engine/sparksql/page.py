# ruff: noqa: E501
"""docs/sql.md, made from the table of functions. `python -m glulam.engine.sparksql.page` prints it; a test compares."""

from __future__ import annotations

from itertools import groupby

from glulam.engine.sparksql.functions import FUNCTIONS, Function

_HEAD = """\
# SQL in transforms and in `glulam sql`

<!-- made by `python -m glulam.engine.sparksql.page`; do not edit -->

You write **Spark SQL**. `--engine spark` runs it as it is. The DuckDB engine (the default) translates it, and gives what
Spark 4 gives with `spark.sql.ansi.enabled=false` and `spark.sql.session.timeZone=UTC`. Each function, cast and operator
below runs on both engines in a test that compares values and types; what cannot be made equal is refused with a message
that names it, and is left to `--engine spark`.

## The rules that surprise

| | |
| --- | --- |
| a cast that fails | NULL. `'1.5'` to an integer is 1, `'1e3'` is NULL, blanks around are ignored. |
| integer overflow | wraps around (Java's rule), in arithmetic, `sum` and `CAST`; `TRY_CAST` gives NULL |
| double to integer | truncates and saturates: `1e20` to `INT` is 2147483647, `NaN` is 0 |
| division by zero, remainder by zero | NULL; `/` on integers gives a double, `div` a bigint |
| text beside a number | text becomes a double in arithmetic, and the other side's type in a comparison |
| double as text | `1.0E10`, `1.0E-4`, `0.001`, `NaN`, `Infinity` |
| text to timestamp | `2020`, `2020-5`, `2020-5-6`, then `T` or a blank and `7`, `7:8`, `7:8:9.123456` with an optional zone |
| array index | `a[0]` is the first, `element_at(a, 1)` too; beyond the end is NULL |
| `size(NULL)` | -1 |
| order | NULLs come first ascending and last descending; `NaN` is the greatest number |

## Casts

`CAST(x AS t)`, `TRY_CAST(x AS t)` and `x::t` to `boolean`, `tinyint`, `smallint`, `int`, `bigint`, `float`, `double`,
`decimal(p,s)`, `string`, `date`, `timestamp` and `binary` (from text), from any of these where Spark has a meaning for
it. Not: arrays, structs, maps, intervals, `timestamp_ntz`, decimal or boolean to timestamp.

## Operators

`+ - * / % div`, `= == <> != < <= > >= <=>`, `AND OR NOT !`, `IS [NOT] NULL|TRUE|FALSE`, `IS [NOT] DISTINCT FROM`,
`[NOT] IN`, `[NOT] BETWEEN`, `[NOT] LIKE|ILIKE ... [ESCAPE]`, `[NOT] RLIKE|REGEXP`, `||`, `CASE`, `a.b.c`, `a[0]`,
`m['key']`.

Decimals: `+ - *` and `/` where both types can be seen (casts and literals: `CAST(a AS decimal(10,2)) * 2`, and an
integer column beside a decimal literal: `cents / 100.0`) and the result fits 38 digits without giving up any. Other
decimal arithmetic is refused: CAST an operand to DOUBLE.

## Functions
"""

_TAIL = """\
## Regular expressions

Java's syntax as far as RE2 means the same: literals, classes, `\\d \\w \\s`, groups, alternatives, greedy and lazy
repetition, `^`, `(?i)` at the start. `$` in `RLIKE` only; elsewhere write `\\z`. Refused: look-around, back references,
possessive repetition, `\\b`, and outside `RLIKE` patterns that can match the empty text.

## Date patterns

To write: `yyyy yy MM M MMM MMMM dd d HH H hh h mm m ss s SSS SSSSSS a E EEE EEEE DDD D XXX X`, quoted text. To read:
`yyyy MM M dd d HH H mm m ss s S...SSSSSS XX XXX`, quoted text; a year is needed.

## Queries (`glulam sql`)

`SELECT [DISTINCT]`, `WITH`, joins (inner, left, right, full, cross, left semi, left anti; `ON`, `USING`), `WHERE`,
`GROUP BY` (expressions, names, positions), `HAVING`, `ORDER BY`, `LIMIT`, `OFFSET`, `UNION`, `INTERSECT`, `EXCEPT`,
subqueries, `FILTER`, windows with `PARTITION BY`, `ORDER BY` and frames. Not: `LATERAL VIEW`, `explode`, `PIVOT`,
`GROUPING SETS`, named windows, recursive queries, arithmetic or comparison on a window function beside `*`.

## Known differences

Not refused, because only the data tell, and rare:

| input | Spark | DuckDB engine |
| --- | --- | --- |
| text to timestamp with a region (`Europe/Berlin`, `CET`), with a time alone (`10:20:30`), or a year before 0 | a timestamp | NULL: a failed cast, counted |
| text to double or float in hexadecimal (`0x1p3`), text to decimal in non-ASCII digits | a number | NULL: a failed cast, counted |
| timestamps beyond the year 294246 | saturate | NULL |
| binary that is not UTF-8, to text | a broken string | NULL: a failed cast, counted |
| `upper` and `lower` of letters whose case has another length or depends on its place, except ß (`ŉ`, `ﬁ`, final `Σ`, `İ`) | special mapping | simple mapping |
| double as text for subnormal numbers, and for some numbers under Java 17 and 18 | more digits than needed | the shortest that reads back the same |
| `(?i)` for `K` and `S` | ASCII only | also the Kelvin sign and the long s |
| `avg`, `sum`, `stddev` of doubles | depends on the order of the rows | too; the last digits may differ |
| `sum` of a decimal column | decimal(p+10,s) | the same value as decimal(38,s) |
| `sum` and `stddev` with infinities | NaN | an error |
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for group, entries in groupby(FUNCTIONS.values(), key=lambda f: f.group):
        parts.append(f"### {group}\n")
        plain: list[Function] = []
        noted: list[Function] = []
        for entry in entries:
            (noted if entry.note else plain).append(entry)
        if plain:
            parts.append(", ".join(f"`{f.name}`" for f in plain) + ".\n")
        for note, same in groupby(noted, key=lambda f: f.note):
            parts.append("- " + ", ".join(f"`{f.name}`" for f in same) + f": {note}.")
        parts += [""] if noted else []
    return "\n".join([*parts, _TAIL])


if __name__ == "__main__":
    print(page(), end="")
