# ruff: noqa: E501
"""What is run on Spark and on DuckDB and compared: expressions over the rows of `spark_rows.py`, and whole queries."""

from __future__ import annotations

_SOURCES = ("s", "b", "ti", "sm", "i", "l", "f", "d", "dec")
_NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double")
CASTS = [
    *(f"CAST({c} AS {t})" for c in _SOURCES for t in (*_NUMBERS, "boolean", "string")),
    *(f"TRY_CAST({c} AS {t})" for c in _SOURCES for t in (*_NUMBERS, "boolean", "string")),
    *(f"CAST({c} AS {t})" for c in _SOURCES for t in ("decimal(10,2)", "decimal(38,0)", "decimal(5,4)", "decimal")),
    *(f"CAST({c} AS {t})" for c in ("s", "dt", "ts") for t in ("string", "date", "timestamp")),
    *(f"TRY_CAST({c} AS {t})" for c in ("s", "dt", "ts") for t in ("string", "date", "timestamp")),
    *(f"CAST(ts AS {t})" for t in ("bigint", "double", "int", "float")),
    *(f"CAST({c} AS timestamp)" for c in ("ti", "sm", "i")),
    "CAST(CAST(l % 100000000000 AS timestamp) AS string)", "CAST(d2 % 1000000 AS timestamp)",
    "CAST(CAST(s AS binary) AS string)", "CAST(s AS binary)", "s::int", "s::double", "CAST(NULL AS string)", "CAST(s AS varchar(3))",
    "CAST(NULL AS decimal(5,2))", "CAST(CAST(d AS decimal(38,18)) AS string)", "CAST(CAST(dec AS decimal(20,12)) AS string)",
    "CAST(CAST(s AS decimal(20,10)) AS string)", "CAST('2020-01-01T10:20:30Z' AS timestamp)", "CAST(' 12 ' AS int)",
    "CAST(1.5D AS string)", "CAST(st.n.x AS string)", "CAST(arr[0] AS string)", "CAST(CAST(s AS date) AS timestamp)",
    "timestamp '2020-01-01 10:20:30'", "date '2020-01-01'",
]  # fmt: skip
_PAIRS = [("l", "l2"), ("i", "i2"), ("ti", "sm"), ("ti", "ti"), ("sm", "sm"), ("i", "l"), ("l", "d"), ("d", "d2"),
          ("f", "f"), ("f", "d"), ("i", "f"), ("s", "l"), ("l", "s"), ("s", "s2"), ("s", "d"), ("l", "2"),
          ("i", "2"), ("ti", "1"), ("d", "1.5"), ("d", "3"), ("1.5", "d"), ("s", "2"), ("2", "s"), ("l", "1.5D"),
          ("s", "1.5"), ("l", "3L")]  # fmt: skip
ARITHMETIC = [
    *(f"{a} {op} {b}" for a, b in _PAIRS for op in ("+", "-", "*", "/", "%")),
    *(f"{f}({a}, {b})" for a, b in _PAIRS[:16] for f in ("pmod", "mod")),
    *(f"{a} div {b}" for a, b in (("l", "l2"), ("i", "i2"), ("ti", "sm"), ("l", "2"), ("i", "l"), ("l", "-1"))),
    *(f"-{c}" for c in ("l", "i", "ti", "sm", "d", "f", "s")), "-(-2147483648)", "-9223372036854775808 + 0", "- (l + 1)",
    "CAST(d AS decimal(10,2)) + CAST(l AS decimal(5,0))", "CAST(d AS decimal(10,2)) * 2", "CAST(dec AS decimal(12,2)) - 0.5",
    "CAST(dec AS decimal(10,2)) * CAST(d AS decimal(12,4))", "1.5 + 2.25", "1.5 * 3", "-1.5", "0.05 * 2", "-CAST(d AS decimal(9,3))",
    "l * 1.5", "i + 0.25", "sm - 1.25", "ti * 2.5", "l / 100.0", "i / 1000.0", "l - 0.001", "1.5 - i",
    "s * 1.5", "s / 100.0", "f * 1.5", "d / 100.0", "CAST(d AS decimal(10,2)) / CAST(d2 AS decimal(10,2))",
    "CAST(d AS decimal(10,2)) / 3", "CAST(dec AS decimal(9,3)) / CAST(i AS decimal(5,1))", "1.5 / 3", "10 / 4.0",
    "dt + 1", "dt - 1", "1 + dt", "l + l2 + i + ti - 5", "(l + 1) * 2 - l2 / 3", "d * d + 1", "CAST(d AS decimal(10,2)) * 1.5D",
]  # fmt: skip
_VALUES = [("s", "'abc'"), ("s", "'1'"), ("s", "1"), ("s", "1.5"), ("s", "1.5D"), ("s", "l"), ("s", "d"), ("s", "b"),
           ("s", "dt"), ("s", "ts"), ("s", "s2"), ("l", "5"), ("l", "'5'"), ("l", "l2"), ("l", "d"), ("l", "1.5"),
           ("d", "d2"), ("d", "1"), ("d", "0.5"), ("i", "l"), ("ti", "1"), ("b", "true"), ("b", "'true'"), ("dt", "'2020-02-29'"),
           ("dt", "ts"), ("ts", "'2020-01-01'"), ("ts", "dt"), ("dec", "1"), ("dec", "d"), ("dec", "2.675"), ("dec", "s"),
           ("dec", "l"), ("f", "d"), ("f", "1"), ("st.a", "'x'"), ("st.n.x", "1"), ("arr[0]", "1"), ("1", "'1'"), ("s", "NULL")]  # fmt: skip
COMPARISONS = [
    *(f"{a} {op} {b}" for a, b in _VALUES for op in ("=", "<", "<=>")),
    *(f"{a} {op} {b}" for a, b in _VALUES[:6] for op in ("!=", "<>", ">", ">=", "<=", "==")),
    "l BETWEEN 0 AND 10", "s BETWEEN 'a' AND 'm'", "s BETWEEN 1 AND 3", "l NOT BETWEEN 0 AND 10", "dt BETWEEN '2020-01-01' AND '2020-12-31'",
    "s IN ('abc', '1', NULL)", "l IN (1, 2, 3)", "l IN (1, NULL)", "d IN (1, 2.5D)", "s NOT IN ('abc')", "i IN (1L, 2)", "dt IN (date '2020-02-29')",
    "s IS NULL", "s IS NOT NULL", "b IS TRUE", "b IS NOT TRUE", "b IS FALSE", "b AND l > 0", "b OR l > 0", "NOT b", "!b", "isnull(s)", "isnotnull(s)",
    "b AND NULL", "b OR NULL", "s IS DISTINCT FROM s2", "l IN (1.5, 2)", "st IS NULL",
]  # fmt: skip
CONDITIONS = [
    "CASE WHEN l > 0 THEN 'pos' WHEN l < 0 THEN 'neg' END", "CASE s WHEN '1' THEN 'one' WHEN 'abc' THEN s2 ELSE 'other' END",
    "CASE i WHEN 1 THEN 10 WHEN 2 THEN 20 ELSE -1 END", "CASE WHEN b THEN l ELSE d END", "CASE WHEN b THEN i ELSE l END",
    "CASE WHEN b THEN s ELSE 'n/a' END", "CASE WHEN b THEN d ELSE 'n/a' END", "CASE WHEN b THEN 1 ELSE 2.5D END", "CASE WHEN b THEN 1 ELSE 'x' END",
    "CASE WHEN b THEN dt ELSE ts END", "CASE WHEN b THEN NULL ELSE 1 END", "CASE WHEN b THEN l ELSE 0.5 END", "CASE WHEN b THEN i ELSE 0.25 END",
    "CASE WHEN b THEN ti ELSE 1 END", "CASE WHEN b THEN f ELSE l END", "CASE WHEN b THEN f ELSE 0.5 END", "CASE WHEN b THEN d ELSE 0.5 END",
    "if(l > 0, 'a', 'b')", "if(b, l, 0)", "if(b, s, NULL)", "coalesce(s, 'x')", "coalesce(l, 0)", "coalesce(l, i, 0)", "coalesce(d, 0)", "coalesce(d, l)",
    "coalesce(l, 0.5)", "coalesce(s, s2)", "coalesce(NULL, s)", "coalesce(ts, dt)", "coalesce(l, 'none')",
    "nvl(s, 'x')", "ifnull(l, -1)", "nvl2(s, 1, 0)", "nvl2(l, s, 'none')", "nullif(s, '')", "nullif(l, 0)", "nullif(s, 1)", "nullif(d, d2)", "nullif(1, 1)",
    "greatest(l, l2)", "greatest(l, 0, i)", "least(d, d2)", "least(s, s2, 'm')", "greatest(d, 1)", "least(l, 1.5D)", "greatest(dt, date '2020-01-01')",
    "coalesce(dec, 0)", "coalesce(st.a, 'q')", "coalesce(ti, sm)", "coalesce(f, d)",
]  # fmt: skip
TEXT = [
    *(f"{f}({c})" for f in ("upper", "lower", "ucase", "lcase", "trim", "ltrim", "rtrim", "reverse", "initcap", "length", "len",
                            "char_length", "character_length", "md5", "sha1", "sha", "hex", "base64", "ascii") for c in ("s", "'a b'")),
    *(f"{f}({c})" for f in ("upper", "length", "trim") for c in ("l", "d", "b", "dt", "ts", "i", "f", "dec")), "hex(l)", "hex(i)", "hex(CAST(s AS binary))",
    "length(CAST(s AS binary))", "md5(CAST(s AS binary))", "base64(CAST(s AS binary))", "base64(repeat('x', 100))",
    "unbase64('YWJj')", "CAST(unbase64('YWI=') AS string)", "CAST(unbase64(base64(s)) AS string)", "sha2(s, 256)", "sha2(s, 0)",
    "concat(s, s2)", "concat(s)", "concat(s, l, d, b)", "concat('a', NULL)", "s || '-' || l", "s || s2", "concat_ws(',', s, s2)", "concat_ws('-', s, l, d)",
    "concat_ws(s, 'a', 'b')", "concat_ws(',')", "concat_ws(NULL, 'a')",
    *(f"substring(s, {p}, {n})" for p in (-10, -3, 0, 1, 2, 5, 100) for n in (-1, 0, 2, 100)), "substring(s, 2)", "substring(s, -3)", "substr(s, i, i2)",
    "substr(s, i)", "substring(l, 2, 2)", "substring(s, 1, 2147483647)", "left(s, 2)", "right(s, 2)", "left(s, -1)", "right(s, 0)", "left(s, i)", "right(s, i)",
    "replace(s, 'a', 'xx')", "replace(s, 'a')", "replace(s, ',', NULL)", "repeat(s, 2)", "repeat(s, -1)", "repeat('ab', ti % 5)", "instr(s, 'a')", "instr(s, s2)", "instr(s, '')",
    "locate('a', s)", "locate('a', s, 2)", "locate('', s)", "locate('', s, 2)", "locate('o', s, i)", "position('o', s)", "position('a' IN s)", "locate('a', s, 0)", "locate('o', s, NULL)",
    "lpad(s, 5, '*')", "rpad(s, 5, '*')", "lpad(s, 5)", "rpad(s, 3, 'ab')", "lpad(s, 0, 'x')", "lpad(s, -1, 'x')", "lpad(s, 8, '')", "rpad(s, 8, '')", "lpad(l, 10, '0')", "lpad(s, ti, 'xy')",
    "translate(s, 'abc', 'xy')", "translate(s, 'aab', 'xyz')", "translate(s, '', 'x')", "startswith(s, 'a')", "endswith(s, 'c')", "contains(s, 'b')", "startswith(s, '')", "contains(s, s2)",
    "split(s, ',')", "split(s, '\\\\|')", "split(s, '[;=]')", "split(s, '\\\\s+')", "split(s, 'a')", "split(s, ',')[1]", "split(s, ',')[9]",
    "split_part(s, ',', 1)", "split_part(s, ',', 2)", "split_part(s, ',', -1)", "split_part(s, ',', 99)", "split_part(s, '-', 3)", "element_at(split(s, '-'), -1)",
]  # fmt: skip
PATTERNS = [
    "s LIKE 'a%'", "s LIKE '%b%'", "s LIKE '_bc'", "s LIKE '100\\\\%'", "s LIKE '100!%' ESCAPE '!'", "s NOT LIKE 'a%'", "s LIKE '%\\\\\\\\%'", "s ILIKE 'ABC%'", "s ILIKE '%É%'", "l LIKE '1%'", "s LIKE ''",
    "s LIKE 'line%break'", "s RLIKE '^[a-z]+$'", "s RLIKE '\\\\d+'", "s RLIKE r'^\\s*\\d'", "s REGEXP 'a|b'", "s RLIKE '(?i)abc'", "s RLIKE 'line.break'", "rlike(s, '^$')", "regexp_like(s, '^[A-Z]')", "regexp(s, 'b')",
    "s RLIKE '[^\\\\w\\\\s]'", "s RLIKE ''", "s RLIKE '^x'", "s RLIKE '\\\\.$'", "s RLIKE '^\\\\S+@\\\\S+\\\\.\\\\S+$'", "s RLIKE '(a|b$)'",
    "regexp_replace(s, '[^0-9]', '')", "regexp_replace(s, '\\\\s+', ' ')", "regexp_replace(s, '(\\\\d+)', '<$1>')", "regexp_replace(s, '(a)(b)', '$2$1$0')", "regexp_replace(s, 'a+?', '-')", "regexp_replace(s, '\\\\.\\\\d+\\\\z', '')", "regexp_replace(l, '0', 'o')",
    "regexp_extract(s, '(\\\\d+)-(\\\\d+)', 2)", "regexp_extract(s, '(\\\\d+)')", "regexp_extract(s, '[a-z]+', 0)", "regexp_extract(s, '(x)?b', 1)", "regexp_extract(s, '^(\\\\w+)@([\\\\w.]+)', 2)", "regexp_replace(s, '[\\\\s,]+', '_')", "regexp_replace(s, '.', '*')",
]  # fmt: skip
_PARTS = (
    "year",
    "quarter",
    "month",
    "day",
    "dayofmonth",
    "dayofyear",
    "dayofweek",
    "weekday",
    "weekofyear",
    "hour",
    "minute",
    "second",
    "last_day",
)
TIME = [
    *(f"{f}({c})" for f in _PARTS for c in ("dt", "ts", "s")),
    *(f"date_trunc('{u}', {c})" for u in ("year", "YYYY", "quarter", "month", "MON", "week", "day", "DD", "hour", "minute", "second", "millisecond", "microsecond") for c in ("ts",)), "date_trunc('month', dt)", "date_trunc('hour', s)",
    *(f"trunc({c}, '{u}')" for u in ("year", "YY", "quarter", "month", "MM", "week") for c in ("dt", "ts", "s")),
    "date_add(dt, 1)", "date_add(dt, -40)", "date_sub(dt, i % 1000)", "date_add(s, 1)", "date_add(ts, ti)", "dateadd(dt, 2)", "datediff(dt, date '2020-01-01')", "datediff(ts, s)", "date_diff(s, dt)", "add_months(dt, 1)", "add_months(dt, -13)", "add_months(s, ti)", "add_months(ts, 12)",
    "make_date(2020, i, 1)", "make_date(i, 2, 29)", "timestamp_seconds(i)", "timestamp_seconds(d2 % 100000)", "timestamp_seconds(ti)", "CAST(timestamp_millis(l % 100000000000000) AS string)", "timestamp_micros(l % 100000000000000000)", "unix_seconds(ts)", "unix_millis(ts)", "unix_micros(ts)",
    "to_date(s)", "to_date(ts)", "to_date(dt)", "to_timestamp(s)", "to_timestamp(dt)", "to_timestamp(ts)", "to_date(s, 'MM/dd/yyyy')", "to_date(s, 'yyyy-MM-dd')", "to_date(s, 'yyyyMMdd')", "to_date(s, 'yyyy')", "to_date(s, 'yyyy-M-d')", "to_date(dt, 'yyyy')", "to_date(ts, 'yyyy')", "to_date(s, 'yyyy/MM/dd')",
    "to_timestamp(s, 'MM/dd/yyyy HH:mm:ss')", "to_timestamp(s, 'dd/MM/yyyy HH:mm:ss')", "to_timestamp(s, 'yyyy-MM-dd HH:mm:ss')", "to_timestamp(s, \"yyyy-MM-dd'T'HH:mm:ss.SSS\")", "to_timestamp(s, \"yyyy-MM-dd'T'HH:mm:ssXXX\")", "to_timestamp(s, 'yyyy-MM-dd H:m:s')", "to_timestamp(ts, 'yyyy')", "to_timestamp(dt, 'yyyy')", "to_timestamp('12:34 2020', 'HH:mm yyyy')", "to_timestamp(s, \"yyyy-MM-dd'T'HH:mm:ssXX\")", "to_timestamp(s, 'yyyy-MM-dd HH:mm:ss.SSSSSS')", "to_timestamp(s, 'yyyy-MM-dd HH:mm:ss.')",
    "unix_timestamp(s)", "unix_timestamp(ts)", "unix_timestamp(dt)", "unix_timestamp(s, 'yyyy-MM-dd')", "to_unix_timestamp(s)", "from_unixtime(i)", "from_unixtime(i, 'yyyy-MM-dd')", "from_unixtime(ti)", "from_unixtime(l % 100000000000)",
    *(f"date_format(ts, '{p}')" for p in ("yyyy-MM-dd", "yyyyMMdd", "yy/M/d", "HH:mm:ss.SSS", "hh:mm a", "EEE, dd MMM yyyy", "EEEE d MMMM", "H-m-s", "h", "ss.SSSSSS", "DDD", "E", "yyyy")), "date_format(ts, \"yyyy-MM-dd'T'HH:mm:ssXXX\")", "date_format(dt, 'yyyy_MM')", "date_format(s, 'yyyy-MM-dd HH:mm')", "date_format(ts, \"yyyy'%'MM\")", "date_format(ts, 'D')", "date_format(ts, \"HH 'o''clock'\")",
]  # fmt: skip
NUMBERS = [
    *(f"{f}({c})" for f in ("abs", "negative", "ceil", "floor", "ceiling") for c in ("l", "i", "ti", "sm", "d", "f", "s")), *(f"round({c})" for c in ("l", "i", "d", "f", "ti")), *(f"round(d, {n})" for n in (0, 1, 2, 4, 15)), "round(l, 2)", "round(f, 1)",
    "round(CAST(d AS decimal(10,4)), 2)", "round(CAST(d AS decimal(10,4)))", "round(CAST(d AS decimal(10,2)), 5)", "round(1.25, 1)", "abs(CAST(d AS decimal(10,2)))", "sqrt(d)", "sqrt(l)", "sqrt(s)", "isnan(d)", "isnan(f)", "isnan(NULL)", "isnan(s)", "sign(d)", "sign(l)", "signum(i)", "sign(s)",
    "exp(d)", "ln(d)", "log10(d)", "log2(d)", "power(d, 2)", "pow(l, 0.5D)", "power(2, i)", "exp(ti)", "ln(l)", "abs(-5)", "sqrt(2)", "power(d, d2)",
]  # fmt: skip
NESTED = [
    "st.a", "st.n.x", "st.n", "st", "arr", "arr[0]", "arr[3]", "arr[-1]", "arr[i]", "arr[CAST(ti AS int)]", "st['a']", "m['k']", "m['zz']", "element_at(arr, 1)", "element_at(arr, -1)", "element_at(arr, 9)", "element_at(m, 'k')", "size(arr)", "size(words)", "cardinality(arr)",
    "array_contains(arr, 2)", "array_contains(arr, 2L)", "array_contains(arr, l)", "array_contains(words, 'a')", "array(1, 2, 3)", "array(l, i)", "array(s, 'x')", "array(1, NULL)", "struct(l, s)", "struct(l AS a, d AS b)", "struct(st.a)", "named_struct('a', l, 'b', s)", "named_struct('x', 1).x", "array_join(words, ',')", "array_join(arr, '-')", "struct(l AS a).a + 1", "array(struct(l AS q))[0].q",
]  # fmt: skip
TYPED = [
    "dec + 1", "dec * 2", "dec * dec", "dec - l", "dec / 3", "100.0 / i", "-dec", "dec + d", "dec * 1.5", "l * dec", "dec + s", "coalesce(dec, 0)", "coalesce(dec, l)", "coalesce(dec, d)", "coalesce(dec, 1.55555)", "round(dec, 1)", "round(dec)",
    "items.q", "items[0].q", "items.r.x", "array_join(items.q, '-')", "size(items.q)", "m.k", "items.q[1]", "abs(dec)", "array(l, 1)[0]", "named_struct('a', dec).a + 1", "split(s, ',')[0]", "element_at(items, 1).q", "CASE WHEN b THEN dec ELSE i END",
    "if(dec > 1, dec, NULL)", "greatest(dec, l)", "struct(l, s).l", "coalesce(l, s)", "coalesce(d, s)", "CASE WHEN b THEN d ELSE s END", "CASE WHEN b THEN dt ELSE s END", "s IN (1, 2)", "l IN ('1', 'x')", "d IN ('1.0')", "dt IN ('2020-01-01')", "nullif(dec, 0)", "l IN (1.5, 2.0)", "dec IN (1, 2.675)",
    "CASE WHEN b THEN f ELSE 0.5 END", "coalesce(f, dec)", "dec > 1.5",
]  # fmt: skip
"""Only where the types of the columns are known."""
EXPRESSIONS = [*CASTS, *ARITHMETIC, *COMPARISONS, *CONDITIONS, *TEXT, *PATTERNS, *TIME, *NUMBERS, *NESTED]

QUERIES = [
    "select count(*), count(s), count(distinct s), count(distinct g), count(1) from t",
    "select g, count(*) as n, sum(l), sum(i), sum(d2 % 10), sum(ti) from t where isnan(d2) = false group by g order by g",
    "select g as k, sum(dec) is null from t group by 1 order by 1 desc",
    "select sum(cast(d as decimal(10,2))) as x, sum(distinct i) as y, avg(i) as z, mean(ti), avg(s) from t where not isnan(d)",
    "select min(s), max(s), min(d), max(d), min(dt), max(ts), min(b), max(l), min(dec) from t",
    "select stddev(ti), stddev_samp(sm), std(i), stddev_pop(ti), variance(ti), var_samp(sm), var_pop(i) from t",
    "select stddev(i), variance(i), var_pop(i) from t where i = 12 limit 1", "select sum(i), avg(i), min(s), count(*) from t where false",
    "select g, size(collect_list(i)), size(collect_set(i)) from t group by g order by g nulls last",
    "select collect_list(i) from t where false", "select bool_and(b), bool_or(b), every(l > 0), some(b), some(l > 5), count_if(b) from t",
    "select count(*) filter (where l > 0), sum(i) filter (where b) from t", "select distinct g from t order by g",
    "select s, l from t order by s desc, l limit 20", "select s from t order by 1 limit 5 offset 3", "select l as x from t where l > 0 order by x desc",
    "select i, row_number() over (order by i, s, l), rank() over (order by i), dense_rank() over (order by i desc), ntile(3) over (order by i, s, l) from t order by 1, 2",
    "select i, lag(i) over (partition by g order by i, s, l) a, lead(i, 2, -1) over (partition by g order by i, s, l) b, sum(ti) over (partition by g order by i, s, l) c, percent_rank() over (order by i) e, cume_dist() over (order by i) f from t order by 1, 2, 3, 4, 5",
    "select i, sum(i) over (order by i, s, l rows between 1 preceding and current row) a, first_value(i) over (order by i, s, l) b, last_value(i) over (order by i, s, l rows between unbounded preceding and unbounded following) c from t order by 1, 2",
    "with a as (select g, count(*) n from t group by g), b as (select max(n) m from a) select a.g, a.n from a join b on a.n = b.m order by 1",
    "select a.g, count(*) from t a left join t b on a.l = b.l2 and b.i > 0 group by a.g having count(*) > 1 order by a.g",
    "select count(*) from t a left semi join t b on a.l = b.i", "select count(*) from t a left anti join t b on a.l = b.i", "select count(*) from t a cross join t b where a.i = b.i2",
    "select count(*) from t a full outer join t b on a.l = b.i", "select count(*) from t a join t b using (l)", "select g from t union select s from t where l = 1 order by 1", "select l from t union all select i from t order by 1 nulls last limit 50",
    "select g from t intersect select s from t", "select l from t except select l2 from t where l2 > 0 order by 1", "select count(*) from t where l in (select i from t)", "select count(*) from t a where exists (select 1 from t b where b.i = a.l)",
    "select (select max(l) from t) as m", "select t.st.a, t.st.n.x, st.a from t order by 1, 2 limit 5", "select x.a, x.c from (select s as a, count(*) as c from t group by s) x order by 1 limit 10",
    "select upper(g) as u, count(*) from t group by upper(g) order by u", "select year(ts) as y, month(ts) as m, count(*) as n from t group by 1, 2 order by n desc, y, m", "select * from (select 1 as a, 'x' as b)", "select sum(l) from t", "select sum(d2) from t where d2 < 100", "select sum(l) / count(*) as r, sum(ti) * 2 as x, max(i) - min(i) as y, upper(max(g)) as z from t",
    "select upper(g) as g, count(*) as n from t group by g order by n, g", "select g, count(*) as n from t group by g having n > 10 and max(l) > 0 order by n * 2 desc, g", "select ti, i - lag(i) over (order by i, s, l) as diff, round(avg(d2) over (partition by ti), 1) is null as q, l + 1 as k from t where d2 < 100 order by 1, 2, 4",
    "select g, count(*) as n, rank() over (order by count(*) desc) as r, sum(count(*)) over () as total, count(*) / sum(count(*)) over () as share from t group by g order by r, g", "select *, row_number() over (order by s, l, i) as rn from (select s, l, i from t) order by rn", "select sum(d2) over (order by i, s, l rows between 2 preceding and current row) as x, sum(ti) over (partition by g) as y from t where d2 < 100 order by 2, 1",
    "select case when l > 0 then 'p' else 'n' end as k, sum(l % 1000) from t group by case when l > 0 then 'p' else 'n' end order by k", "select T.G, COUNT(*) from t group by g order by g", "select count(*) + 1 as n from t having count(*) > 0", "select year(ts) y, sum(l % 7) v from t group by y order by v desc nulls last, y", "select 1 as a where 1 > 2",
]  # fmt: skip
TABLE = "t"
