"""Random expressions as clients would write them, and random partition values, some of which no type can read."""

from __future__ import annotations

from hypothesis import strategies as st

from glulam.catalog.partition_keys import NULL_VALUE, PartitionKey

KEYS = (
    PartitionKey(name="i", type="bigint"),
    PartitionKey(name="S", type="varchar(20)"),
    PartitionKey(name="d", type="date"),
    PartitionKey(name="t", type="timestamp"),
    PartitionKey(name="x", type="decimal(10,2)"),
)
GOOD = {
    "i": ["-7", "0", "00", "+3", "3", "10", "9", "99999999999999999999", "-1"],
    "S": ["a", "A", "ab", "b%", "a_b", "é", "10", "9", "o'x", 'q"q', "\\", "a\nb", "-1", "%", "\ue000", "\U0001f600"],
    "d": ["2024-01-01", "2024-02-29", "0000-02-29", "1999-12-31", "9999-12-31"],
    "t": ["2024-01-01 00:00:00", "2024-01-01 00:00:00.5", "2024-01-01 00:00:00.500000001", "2023-12-31 23:59:59.9"],
    "x": ["1", "1.0", "1.50", "-0.5", ".5", "1e2", "100.", "99999999999999999999.01"],
}  # fmt: skip
BAD = {
    "i": ["x", "1.5", "3 ", "٣", "", "1_0", NULL_VALUE, "3\n"],
    "S": [NULL_VALUE],
    "d": ["2023-02-29", "2024-13-01", "2024-1-1", "1900-02-29", "x", NULL_VALUE, "2024-01-01\n"],
    "t": ["2024-01-01", "2024-01-01T00:00:00", "2024-02-30 00:00:00", "2024-01-01 24:00:00", NULL_VALUE],
    "x": ["", "1,5", "NaN", "e1", "--1", NULL_VALUE, "."],
}

NUMBERS = {"i", "x"}
OPERATORS = ("=", "<>", "!=", "<", "<=", ">", ">=", "< >")


def rows() -> st.SearchStrategy[list[list[str]]]:
    one = st.tuples(*(st.sampled_from(GOOD[key.name] + BAD[key.name]) for key in KEYS)).map(list)
    return st.lists(one, min_size=1, max_size=12)


@st.composite
def literal(draw: st.DrawFn, key: str) -> str:
    text = draw(st.sampled_from([*GOOD[key], NULL_VALUE] if key == "S" else GOOD[key]))
    if key in NUMBERS and draw(st.booleans()):
        return text if text != ".5" else "0.5"
    quoted = "'" + text.replace("'", "''") + "'"
    if key == "d" and draw(st.booleans()):
        return f"DATE {quoted}"
    if '"' not in text and draw(st.booleans()) and text.lower() not in ("i", "s", "d", "t", "x"):
        return f'"{text}"'
    return f"({quoted})" if draw(st.booleans()) else quoted


@st.composite
def condition(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from([key.name for key in KEYS]))
    column = draw(st.sampled_from([name, name.upper(), f"`{name}`", f'"{name}"', f"({name})", f"(({name}))"]))
    negated = draw(st.sampled_from(["", "NOT ", "not "]))
    kind = draw(st.sampled_from(["compare", "flipped", "in", "between", "null", "like"]))
    value = literal(name)
    if kind == "compare":
        return f"{column} {draw(st.sampled_from(OPERATORS))} {draw(value)}"
    if kind == "flipped":
        return f"{draw(value)}{draw(st.sampled_from(OPERATORS))}{column}"
    if kind == "in":
        return f"{column} {negated}in ({', '.join(draw(st.lists(value, min_size=1, max_size=3)))})"
    if kind == "between":
        return f"{column} {negated}BETWEEN {draw(value)} and {draw(value)}"
    if kind == "like" and name == "S":
        pattern = draw(st.text(alphabet="aAb%_é\\1\n", max_size=4))
        return f"{column} {negated}LIKE '{pattern}'"
    return f"{column} IS {negated}NULL"


def expressions() -> st.SearchStrategy[str]:
    return st.recursive(
        condition(),
        lambda inner: st.one_of(
            st.lists(inner, min_size=2, max_size=3).map(lambda terms: "(" + " AND ".join(terms) + ")"),
            st.lists(inner, min_size=2, max_size=3).map(lambda terms: "(" + " or ".join(terms) + ")"),
            inner.map(lambda term: f"NOT ({term})"),
            inner.map(lambda term: f"not {term}"),
        ),
        max_leaves=6,
    )
