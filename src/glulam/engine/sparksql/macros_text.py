"""DuckDB macros for Spark's text forms and for dates and times: how values become text, how text becomes a
time.

Timestamps are naive UTC `TIMESTAMP`s in DuckDB, so no macro needs a session time zone or ICU. Left to
`macros.py`: numbers. Text that is read as a time follows Spark's own rules (`yyyy`, `yyyy-M`, `yyyy-M-d`,
then `T` or a blank and `h`, `h:m` or `h:m:s.f` with an optional zone); what Spark accepts beyond them is
listed under "Known differences" in docs/sql.md.
"""

from __future__ import annotations

from glulam.engine.sparksql.macros import INTEGERS, family, macro, quoted

_BLANK = r"[\x00-\x20\x7f]*"
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?"
_DAY = r"\d{4}-\d{2}-\d{2}"
_OFFSET = r"[+-](?:\d{1,2}(?::\d{1,2}(?::\d{2})?)?|\d{4}|\d{6})"
_NEAR_OFFSET = r"[+-](0\d|1[0-5]):[0-5]\d"
"""Those that DuckDB reads as well (up to 15:59)."""
_ZONE = rf"(?: ?(?:Z|GMT0|UTC|GMT|UT|(?:UTC|GMT|UT)?{_OFFSET}))?"
_LOOSE_DATE = rf"^#{_BLANK}\+?(\d{{4,7}})(?:-(\d{{1,2}}))?(?:-(\d{{1,2}})(?:[ T](?s:.*))?)?{_BLANK}$"
_LOOSE_TIME = (
    rf"^#{_BLANK}\+?(\d{{4,6}})(?:-(\d{{1,2}})(?:-(\d{{1,2}})(?:[ T]([01]?\d|2[0-3])(?::([0-5]?\d)"
    rf"(?::([0-5]?\d)(?:\.(\d*))?{_ZONE})?)?)?)?)?{_BLANK}$"
)
_OFFSET_AT_END = rf":\d{{1,2}}(?:\.\d*)? ?(?:UTC|GMT|UT)?([+-])(\d{{1,2}}):?(\d{{1,2}})?:?(\d{{2}})?{_BLANK}$"


def _scientific(kind: str) -> str:
    """Java's form of a float or double: plain from 1e-3 up to 1e7, else `d.dddE±n`. `x` is cast to text once
    per use; the digits are DuckDB's, the shortest that read back as the same number (what Java 19 and later
    print)."""
    text = f"abs(x::{kind})::VARCHAR"
    mantissa, exponent = f"split_part({text}, 'e', 1)", f"split_part({text}, 'e', 2)"
    whole = f"split_part({text}, '.', 1)"
    digits = f"rtrim(ltrim(replace({text}, '.', ''), '0'), '0')"
    fraction = f"CASE WHEN length({digits}) > 1 THEN {digits}[2:] ELSE '0' END"
    places = f"length(split_part({text}, '.', 2)) - length(ltrim(split_part({text}, '.', 2), '0')) + 1"
    return (
        "CASE WHEN isnan(x) THEN 'NaN' "
        "WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END "
        f"WHEN x = 0 OR (abs(x) >= 0.001::{kind} AND abs(x) < 10000000) THEN x::{kind}::VARCHAR "
        "ELSE CASE WHEN x < 0 THEN '-' ELSE '' END || "
        f"CASE WHEN contains({text}, 'e') THEN {mantissa} || "
        f"CASE WHEN contains({mantissa}, '.') THEN '' ELSE '.0' END "
        f"|| 'E' || {exponent}::INTEGER::VARCHAR "
        f"WHEN abs(x) >= 1 THEN {digits}[1] || '.' || {fraction} || 'E' || (length({whole}) - 1)::VARCHAR "
        f"ELSE {digits}[1] || '.' || {fraction} || 'E-' || ({places})::VARCHAR END END"
    )


def _decimal_text() -> str:
    """BigDecimal.toString: plain, but scientific when the adjusted exponent is below -6."""
    digits = "coalesce(nullif(ltrim(replace(replace(x::VARCHAR, '.', ''), '-', ''), '0'), ''), '0')"
    scale = "length(split_part(x::VARCHAR, '.', 2))"
    return (
        f"CASE WHEN {scale} <= 6 OR length({digits}) - 1 - {scale} >= -6 THEN "
        "regexp_replace(x::VARCHAR, '^(-?)\\.', '\\1' || '0.') "
        f"ELSE CASE WHEN x < 0 THEN '-' ELSE '' END || {digits}[1] || CASE WHEN length({digits}) > 1 "
        f"THEN '.' || {digits}[2:] ELSE '' END || 'E' || (length({digits}) - 1 - {scale})::VARCHAR END"
    )


def _moment_text(pattern: str) -> str:
    """Years beyond 9999 have a plus sign, those before 0 a minus sign and four digits."""
    rest = f"strftime(x, '{pattern}')"
    if pattern.endswith("%f"):
        rest = f"rtrim(rtrim({rest}, '0'), '.')"
    return (
        "CASE WHEN year(x) BETWEEN 1 AND 9999 THEN x::VARCHAR WHEN year(x) > 9999 THEN '+' || x::VARCHAR "
        "ELSE CASE WHEN year(x) < 0 THEN '-' ELSE '' END || lpad(abs(year(x))::VARCHAR, 4, '0') "
        f"|| {rest} END"
    )


def _texts() -> list[str]:
    bodies = {name: "x::VARCHAR" for name, _ in INTEGERS.values()}
    bodies |= {"VARCHAR": "x", "BOOLEAN": "x::VARCHAR", "DECIMAL": _decimal_text()}
    bodies |= {"FLOAT": _scientific("FLOAT"), "DOUBLE": _scientific("DOUBLE")}
    bodies |= {"DATE": _moment_text("-%m-%d"), "TIMESTAMP": _moment_text("-%m-%d %H:%M:%S.%f")}
    return [*family("glu_text", bodies), *family("glu_string", bodies | {"BLOB": "try(decode(x))"})]


def _dates() -> list[str]:
    loose = f"regexp_replace('#' || x, {quoted(_LOOSE_DATE)}, '\\1-0\\2-0\\3')"
    loose = f"replace(regexp_replace({loose}, '-0(\\d\\d)', '-\\1', 'g'), '-0-', '-01-')"
    loose = f"try_cast(regexp_replace({loose}, '-0$', '-01') AS DATE)"
    usual = f"regexp_matches(x, '^{_DAY}(?:[ T]|\\z)')"
    text = f"CASE WHEN {usual} THEN try_cast(left(x, 10) AS DATE) ELSE glu_loose_date(x) END"
    return [
        macro("glu_loose_date", f"(x) AS {loose}"),
        *family("glu_date", {"VARCHAR": text, "DATE": "x", "TIMESTAMP": "x::DATE"}),
    ]


def _timestamps() -> list[str]:
    loose = f"regexp_replace('#' || x, {quoted(_LOOSE_TIME)}, '\\1-0\\2-0\\3 0\\4:0\\5:0\\6.\\7' || '0')"
    loose = f"regexp_replace({loose}, '([- :])0(\\d\\d)', '\\1\\2', 'g')"
    for found, padded in (
        ("-0-", "-01-"),
        ("-0 ", "-01 "),
        (" 0:", " 00:"),
        (":0:", ":00:"),
        (":0.", ":00."),
    ):
        loose = f"replace({loose}, '{found}', '{padded}')"
    loose = f"try_cast(regexp_replace({loose}, '(\\.\\d{{6}})\\d+$', '\\1') AS TIMESTAMP)"
    part = f"coalesce(try_cast(regexp_extract(x, {quoted(_OFFSET_AT_END)}, "
    hours, minutes, seconds = (f"{part}{group}) AS INTEGER), 0)" for group in (2, 3, 4))
    total = f"({hours} * 3600 + {minutes} * 60 + {seconds})"
    sign = f"CASE regexp_extract(x, {quoted(_OFFSET_AT_END)}, 1) WHEN '+' THEN -1 WHEN '-' THEN 1 ELSE 0 END"
    offset = f"CASE WHEN {minutes} < 60 AND {seconds} < 60 AND {total} <= 64800 THEN {sign} * {total} END"
    text = (
        f"CASE WHEN regexp_full_match(x, '{_DAY}[ T]{_CLOCK}Z?') THEN try_cast(x AS TIMESTAMP) "
        f"WHEN regexp_full_match(x, '{_DAY}') THEN try_cast(x AS DATE)::TIMESTAMP "
        f"WHEN regexp_full_match(x, '{_DAY}[ T]{_CLOCK}{_NEAR_OFFSET}') "
        "THEN make_timestamp(epoch_us(try_cast(x AS TIMESTAMPTZ))) "
        "ELSE glu_loose_timestamp(x) + to_seconds(glu_offset(x)) END"
    )
    whole = (
        "CASE WHEN x BETWEEN -9223372000000 AND 9223372000000 THEN make_timestamp(x::BIGINT * 1000000) END"
    )
    bodies = {name: whole
              for name, _ in INTEGERS.values()}  # fmt: skip
    real = "CASE WHEN abs(x) < 9223372000000 THEN make_timestamp(trunc(x::DOUBLE * 1000000)::BIGINT) END"
    bodies |= {"VARCHAR": text, "DATE": "x::TIMESTAMP", "TIMESTAMP": "x", "FLOAT": real, "DOUBLE": real}
    numbers = {kind: body for kind, body in bodies.items() if kind not in ("VARCHAR", "DATE", "TIMESTAMP")}
    return [
        macro("glu_loose_timestamp", f"(x) AS {loose}"),
        macro("glu_offset", f"(x) AS {offset}"),
        *family("glu_timestamp", bodies, decimals=False),
        *family("glu_timestamp_seconds", numbers, decimals=False),
        macro(
            "glu_read_date",
            "(k VARCHAR, x, r) AS r::DATE",
            "(k DATE, x, r) AS x",
            "(k TIMESTAMP, x, r) AS x::DATE",
        ),
        macro(
            "glu_read_timestamp",
            "(k VARCHAR, x, r) AS r",
            "(k DATE, x, r) AS x::TIMESTAMP",
            "(k TIMESTAMP, x, r) AS x",
        ),
    ]


def _characters() -> list[str]:
    start = "(CASE WHEN pos > 0 THEN pos - 1 WHEN pos < 0 THEN length(s) + pos WHEN pos = 0 THEN 0 END)"
    # A bound of 64 bits: pos + len must not overflow.
    bound = f"({start}::BIGINT + len::BIGINT)"
    pad = (
        "(s, n, p) AS CASE WHEN n <= 0 THEN left(s || p, 0) WHEN length(p) = 0 OR length(s) >= n "
        "THEN left(s || left(p, 0), n) ELSE {}(s, n, p) END"
    )
    locate = (
        "(sub, s, pos) AS CASE WHEN pos IS NULL THEN 0 WHEN sub IS NULL OR s IS NULL THEN NULL "
        "WHEN pos < 1 THEN 0 WHEN sub = '' THEN 1 "
        "WHEN strpos(s[pos:], sub) = 0 THEN 0 ELSE strpos(s[pos:], sub) + pos - 1 END::INTEGER"
    )
    words = "list_transform(string_split(lower(s), ' '), lambda w: upper(w[1]) || w[2:])"
    length = {"BLOB": "octet_length(x)::INTEGER", "VARCHAR": "length(x)::INTEGER"}
    other = [name for name, _ in INTEGERS.values()] + [
        "BOOLEAN",
        "FLOAT",
        "DOUBLE",
        "DECIMAL",
        "DATE",
        "TIMESTAMP",
    ]
    alphabet = "regexp_replace(s, '[^A-Za-z0-9+/]', '', 'g')"
    numbers = {name: "hex(x::BIGINT)" for name, _ in INTEGERS.values()}
    return [
        macro("glu_substring", "(s, pos, len) AS CASE WHEN pos IS NOT NULL AND len IS NOT NULL THEN "
              f"substring(s, greatest({start}, 0)::BIGINT + 1, "
              f"greatest({bound} - greatest({start}, 0), 0)) END"),
        macro("glu_lpad", pad.format("lpad")),
        macro("glu_rpad", pad.format("rpad")),
        macro("glu_locate", locate),
        macro("glu_reverse", "(s) AS array_to_string(list_reverse(string_split(s, '')), '')"),
        macro("glu_initcap", f"(s) AS array_to_string({words}, ' ')"),
        macro("glu_upper", "(s) AS upper(replace(s, 'ß', 'SS'))"),
        macro("glu_repeat", "(s, n) AS CASE WHEN n <= 0 THEN left(s, 0) ELSE repeat(s, n) END"),
        *family("glu_length", length | dict.fromkeys(other, "length(glu_text(k, x))::INTEGER")),
        *family("glu_binary", {"VARCHAR": "encode(x)", "BLOB": "x"}),
        *family("glu_hex", numbers | {"VARCHAR": "hex(encode(x))", "BLOB": "hex(x)"}),
        macro("glu_base64",
        "(x) AS rtrim(regexp_replace(to_base64(x), '(.{76})', '\\1' || chr(13) || chr(10), 'g'), "
              "chr(13) || chr(10))"),
        macro("glu_format",
        "(x, f, far) AS CASE WHEN year(x) > 9999 THEN strftime(x, far) ELSE strftime(x, f) END"),
        macro("glu_unbase64",
        f"(s) AS try(from_base64(rpad({alphabet}, ((length({alphabet}) + 3) // 4 * 4)::INTEGER, '=')))"),
    ]  # fmt: skip


def _lists() -> list[str]:
    contains = (
        "(l, v) AS CASE WHEN v IS NULL OR l IS NULL THEN NULL WHEN list_contains(l, v) THEN true "
        "WHEN array_length(l) > list_aggregate(l, 'count') THEN NULL ELSE false END"
    )
    return [
        macro("glu_item", "(l, i) AS CASE WHEN i >= 0 THEN list_extract(l, i + 1) END"),
        macro("glu_element_at",
        "(l, i) AS CASE WHEN i = 0 THEN error('element_at(): an array has no element 0') "
              "ELSE list_extract(l, i) END"),
        macro("glu_array_contains", contains),
        macro("glu_size", "(l) AS coalesce(array_length(l)::INTEGER, -1)"),
    ]  # fmt: skip


def text_macros() -> list[str]:
    return [*_texts(), *_dates(), *_timestamps(), *_characters(), *_lists()]
