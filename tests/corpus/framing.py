"""Where one record ends: lines, documents over many lines, arrays of documents, blank lines, line ends, marks."""

from __future__ import annotations

from corpus.case import Case, Limits, bad, case

BOM = b"\xef\xbb\xbf"
A, B, C = {"a": 1}, {"b": 2}, {"c": 3}
PRETTY_A = b'{\n  "a": 1\n}\n'
PRETTY_B = b'{\n  "b": 2\n}\n'
PRETTY_C = b'{\n  "c": 3\n}\n'


def _lines() -> list[Case]:
    return [
        case("empty file", b""),
        case("one newline", b"\n"),
        case("white space only", b" \t\r\n\r\n   \n"),
        case("byte order mark only", BOM),
        case("byte order mark and white space", BOM + b" \r\n\n"),
        case("one line", b'{"a":1}\n', [A]),
        case("no final newline", b'{"a":1}\n{"b":2}', [A, B]),
        case("one line, no newline", b'{"a":1}', [A]),
        case("no final newline, last line cut off", b'{"a":1}\n{"b":', [A], bad(2, "MALFORMED", b'{"b":', 5)),
        case("CRLF", b'{"a":1}\r\n{"b":2}\r\n', [A, B]),
        case("CRLF, bad line", b'{"a":1}\r\n{bad}\r\n{"c":3}\r\n', [A, C], bad(2, "MALFORMED", b"{bad}")),
        case("LF and CRLF mixed", b'{"a":1}\n{"b":2}\r\n{"c":3}', [A, B, C]),
        case("CR CR LF", b'{"a":1}\r\r\n{"b":2}\r\r\n', [A, B]),
        case("blank lines", b'\n\n{"a":1}\n\n \t \n{"b":2}\n\n', [A, B]),
        case("blank CRLF lines", b'{"a":1}\r\n\r\n{"b":2}\r\n\r\n', [A, B]),
        case("blank lines count as lines", b'\n{"a":1}\n\n\n{bad}\n', [A], bad(2, "MALFORMED", b"{bad}")),
        case("indented lines", b'  {"a":1}\n\t{"b":2}\n', [A, B]),
        case("trailing spaces", b'{"a":1}  \t\n{"b":2} \n', [A, B]),
        case("byte order mark", BOM + b'{"a":1}\n{"b":2}\n', [A, B]),
        case("byte order mark, offsets count it", BOM + b'{"a":1}\n{bad}\n', [A], bad(2, "MALFORMED", 11, 5)),
        case("byte order mark, first line bad", BOM + b'{"a":\n{"b":2}\n', [B], bad(1, "MALFORMED")),
        case("two byte order marks", BOM + BOM + b'{"a":1}\n', [], bad(1, "MALFORMED")),
        case("byte order mark after a newline", b"\n" + BOM + b'{"a":1}\n', [], bad(1, "MALFORMED")),
    ]


def _first_lines() -> list[Case]:
    """What the first line is decides how the file is read."""
    return [
        case("first line cut off", b'{"a":1,"x\n{"b":2}\n', [B], bad(1, "MALFORMED", 0, 9)),
        case(
            "first two lines cut off",
            b'{"a":1,"x\n{"b":2,\n{"c":3}\n',
            [C],
            bad(1, "MALFORMED", b'{"a"'),
            bad(2, "MALFORMED", b'{"b"'),
        ),
        case(
            "first line with two records, in lines",
            b'{"a":1}{"a":1}\n{"b":2}\n',
            [B],
            bad(1, "MALFORMED", 0, 14),
        ),
        case("first line a scalar", b'1\n{"b":2}\n', [B], bad(1, "NOT_AN_OBJECT", 0)),
        case("first line null", b'null\n{"b":2}\n', [B], bad(1, "NOT_AN_OBJECT", 0)),
        case("first line an array", b'[{"a":1}]\n{"b":2}\n', [B], bad(1, "NOT_AN_OBJECT", 0)),
        case("first line with a duplicate key", b'{"a":1,"a":2}\n{"b":2}\n', [B], bad(1, "DUPLICATE_KEY", 0)),
        case("first line not UTF-8", b'{"a":"\xff"}\n{"b":2}\n', [B], bad(1, "NOT_UTF8", 0, 9)),
        case("only null", b"null", [], bad(1, "NOT_AN_OBJECT", 0)),
        case("only a number", b"42\n", [], bad(1, "NOT_AN_OBJECT", 0)),
        case("only a string", b'"text"', [], bad(1, "NOT_AN_OBJECT", 0)),
        case(
            "lines of arrays",
            b"[1]\n[2]\n",
            [],
            bad(1, "NOT_AN_OBJECT", b"[1]"),
            bad(2, "NOT_AN_OBJECT", b"[2]"),
        ),
        case(
            "one empty array a line", b"[]\n[]\n", [], bad(1, "NOT_AN_OBJECT", 0), bad(2, "NOT_AN_OBJECT", 3)
        ),
    ]


def _long_files() -> list[Case]:
    return [
        case(
            "pretty document after a line: each of its lines is a reject",
            b'{"a":1}\n{\n"b":2}\n',
            [A],
            bad(2, "MALFORMED", b"{\n"),
            bad(3, "MALFORMED", b'"b"'),
        ),
        case("ten thousand lines", b'{"a":1}\n' * 10_000, [A] * 10_000),
        case(
            "ten thousand lines, one bad in the middle",
            b'{"a":1}\n' * 5_000 + b"{bad}\n" + b'{"a":1}\n' * 5_000,
            [A] * 10_000,
            bad(5_001, "MALFORMED", 40_000, 5),
        ),
        case(
            "UTF-8 character across a likely buffer end",
            b'{"a":"' + "é".encode() * 70_000 + b'"}\n{"b":2}',
            2,
        ),
        case(
            "only NUL bytes",
            b"\x00" * 100,
            [],
            bad(1, "MALFORMED", 0),
        ),
    ]


def _documents() -> list[Case]:
    return [
        case("pretty document", PRETTY_A, [A]),
        case("pretty document, no final newline", PRETTY_A.rstrip(), [A]),
        case("pretty document, CRLF", PRETTY_A.replace(b"\n", b"\r\n"), [A]),
        case("pretty document after a byte order mark", BOM + PRETTY_A, [A]),
        case("pretty document after blank lines", b"\n\n" + PRETTY_A, [A]),
        case("pretty documents, one after another", PRETTY_A + PRETTY_B + PRETTY_C, [A, B, C]),
        case("pretty documents, CRLF", (PRETTY_A + PRETTY_B).replace(b"\n", b"\r\n"), [A, B]),
        case("pretty documents, blank lines between", PRETTY_A + b"\n\n" + PRETTY_B, [A, B]),
        case("pretty documents, next one on the closing line", b'{\n"a":1\n}{\n"b":2\n}{"c":3}', [A, B, C]),
        case("document that starts on its brace line", b'{"a": 1,\n "b": 2}\n', [{"a": 1, "b": 2}]),
        case(
            "such documents, one after another",
            b'{"a":1,\n "b":2}\n{"a":3,\n "b":4}\n',
            [{"a": 1, "b": 2}, {"a": 3, "b": 4}],
        ),
        case("two documents on the only line", b'{"a":1}{"b":2}', [A, B]),
        case("two documents on the only line, spaces", b' {"a":1}  {"b":2} \n', [A, B]),
        case("CR as the only line end", b'{"a":1}\r{"b":2}\r', [A, B]),
        case(
            "CR as the only line end, bad record",
            b'{"a":1}\r{bad}\r{"c":3}',
            [A],
            bad(2, "MALFORMED", b"{bad}"),
        ),
        case("text after the only document", b'{"a":1} x\n', [A], bad(2, "MALFORMED", b"x\n")),
        case(
            "bad document in the middle",
            PRETTY_A + b'{\n  "x": ,\n}\n' + PRETTY_C,
            [A, C],
            bad(2, "MALFORMED", b'{\n  "x"'),
        ),
        case(
            "bad document first",
            b'{\n  "x": tru\n}\n' + PRETTY_B,
            [B],
            bad(1, "MALFORMED", 0),
        ),
        case("last document cut off", PRETTY_A + b'{\n  "x": 1', [A], bad(2, "MALFORMED", b'{\n  "x"')),
        case("only document cut off", b'{\n  "x": 1,\n  "y', [], bad(1, "MALFORMED", 0)),
        case(
            "document with a duplicate key",
            PRETTY_A + b'{\n"x":1,\n"x":2\n}\n' + PRETTY_C,
            [A, C],
            bad(2, "DUPLICATE_KEY", b'{\n"x":1'),
        ),
        case(
            "document with half a surrogate pair",
            PRETTY_A + b'{\n"x":"\\udead"\n}\n' + PRETTY_C,
            [A, C],
            bad(2, "NOT_UTF8", b'{\n"x"'),
        ),
        case(
            "document that is not UTF-8",
            PRETTY_A + b'{\n"x":"\xff"\n}\n' + PRETTY_C,
            [A, C],
            bad(2, "NOT_UTF8", b'{\n"x"'),
        ),
        case("document out of range", b'{\n"x":1e999\n}\n' + PRETTY_C, [C], bad(1, "NUMBER_RANGE", 0)),
        case(
            "scalar between documents", PRETTY_A + b"42\n" + PRETTY_B, [A, B], bad(2, "NOT_AN_OBJECT", b"42")
        ),
        case(
            "array between documents",
            PRETTY_A + b"[1,\n2]\n" + PRETTY_B,
            [A, B],
            bad(2, "NOT_AN_OBJECT", b"[1,"),
        ),
        case("comma between documents", PRETTY_A + b",\n" + PRETTY_B, [A, B], bad(2, "MALFORMED", b",\n")),
        case("words, then a record", b'hello\nworld\n{"b":2}\n', [B], bad(1, "MALFORMED", 0)),
        case("words only", b"hello\nworld\n", [], bad(1, "MALFORMED", 0)),
        case("NaN first, then a record", b'NaN\n{"b":2}\n', [B], bad(1, "MALFORMED", 0)),
        case("open brace only", b"{", [], bad(1, "MALFORMED", 0)),
        case("open braces on two lines", b"{\n{\n", [], bad(1, "MALFORMED", 0), bad(2, "MALFORMED", 2)),
        case("form feed, then a record", b'\x0c\n{"b":2}\n', [B], bad(1, "MALFORMED", 0)),
    ]


def _arrays() -> list[Case]:
    return [
        case("empty array", b"[]"),
        case("empty array with spaces", b" [ \n ] \n"),
        case("array on one line", b'[{"a":1},{"b":2}]\n', [A, B]),
        case("array on one line, no newline", b'[{"a":1},{"b":2}]', [A, B]),
        case("array, an element a line", b'[\n{"a":1},\n{"b":2}\n]\n', [A, B]),
        case("array, pretty", b'[\n  {\n    "a": 1\n  },\n  {\n    "b": 2\n  }\n]', [A, B]),
        case("array, commas first", b'[{"a":1}\n,{"b":2}\n,{"c":3}]', [A, B, C]),
        case("array, CRLF", b'[\r\n{"a":1},\r\n{"b":2}\r\n]\r\n', [A, B]),
        case("array after a byte order mark", BOM + b'[{"a":1}]', [A]),
        case("array after blank lines", b'\n\n  [{"a":1}]\n', [A]),
        case("array before blank lines", b'[{"a":1}]\n\n  \n', [A]),
        case("array with one empty object", b"[{}]", [{}]),
        case("array of ten thousand", b"[" + b",\n".join([b'{"a":1}'] * 10_000) + b"]", [A] * 10_000),
        case(
            "array of many kinds",
            b'[1,{"a":1},null,"x",[{"b":1}],{"b":2},true]',
            [A, B],
            bad(1, "NOT_AN_OBJECT", b"1,{"),
            bad(3, "NOT_AN_OBJECT", b"null"),
            bad(4, "NOT_AN_OBJECT", b'"x"'),
            bad(5, "NOT_AN_OBJECT", b'[{"b":1}]'),
            bad(7, "NOT_AN_OBJECT", b"true"),
        ),
        case(
            "array, bad element: the rest is one reject",
            b'[{"a":1},\n{bad},\n{"c":3}]',
            [A],
            bad(2, "MALFORMED", b"{bad}"),
        ),
        case("array, first element bad", b'[{"a":NaN},{"b":2}]', [], bad(1, "MALFORMED", b'{"a"')),
        case(
            "array, duplicate key: only that element",
            b'[{"a":1},{"x":1,"x":2},{"c":3}]',
            [A, C],
            bad(2, "DUPLICATE_KEY", b'{"x":1,"x":2}'),
        ),
        case(
            "array, half a surrogate pair: only that element",
            b'[{"a":1},{"x":"\\ud800"},{"c":3}]',
            [A, C],
            bad(2, "NOT_UTF8", b'{"x"'),
        ),
        case(
            "array, bytes that are not UTF-8: only that element",
            b'[{"a":1},{"x":"\xff"},{"c":3}]',
            [A, C],
            bad(2, "NOT_UTF8", b'{"x"'),
        ),
        case(
            "array, number out of range: only that element",
            b'[{"a":1},{"x":1e999},{"c":3}]',
            [A, C],
            bad(2, "NUMBER_RANGE", b'{"x"'),
        ),
        case(
            "array, element too deep: only that element",
            b'[{"a":1},{"x":[[[1]]]},{"c":3}]',
            [A, C],
            bad(2, "TOO_DEEP", b'{"x"'),
            limits=Limits(max_depth=3),
        ),
        case(
            "array, element too large: only that element",
            b'[{"a":1},{"x":"' + b"y" * 50 + b'"},{"c":3}]',
            [A, C],
            bad(2, "TOO_LARGE", b'{"x"', 58),
            limits=Limits(max_record_bytes=57),
        ),
        case(
            "array, the depth of the array itself does not count",
            b'[{"x":[[1]]}]',
            [{"x": [[1]]}],
            limits=Limits(max_depth=3),
        ),
    ]


def _broken_arrays() -> list[Case]:
    return [
        case("array, trailing comma", b'[{"a":1},]', [A], bad(2, "MALFORMED")),
        case("array, leading comma", b'[,{"a":1}]', [], bad(1, "MALFORMED")),
        case("array, double comma", b'[{"a":1},,{"b":2}]', [A], bad(2, "MALFORMED")),
        case("array, missing comma", b'[{"a":1} {"b":2}]', [A], bad(2, "MALFORMED")),
        case("array, elements on lines without commas", b'[\n{"a":1}\n{"b":2}\n]', [A], bad(2, "MALFORMED")),
        case("array, never closed", b'[{"a":1},{"b":2}', [A, B], bad(3, "MALFORMED")),
        case("array, cut off after a comma", b'[{"a":1},\n', [A], bad(2, "MALFORMED")),
        case("array, cut off in an element", b'[{"a":1},{"b":', [A], bad(2, "MALFORMED", b'{"b":')),
        case("array, open bracket only", b"[", [], bad(1, "MALFORMED")),
        case("array, closed by a brace", b'[{"a":1}}', [A], bad(2, "MALFORMED")),
        case("array, closed twice", b'[{"a":1}]]', [A], bad(2, "MALFORMED", 9)),
        case("array, text after it on the line", b'[{"a":1}] x y\n', [A], bad(2, "MALFORMED", b"x y")),
        case("array, lines after it", b'[{"a":1}\n]\nx\n{"b":2}\n', [A], bad(2, "MALFORMED", b"x\n")),
        case("array, a second array after it", b'[{"a":1}][{"b":2}]', [A], bad(2, "MALFORMED", b'[{"b"')),
        case("array, comma after it", b'[{"a":1}],', [A], bad(2, "MALFORMED", 9)),
        case("array, NUL bytes after it", b'[{"a":1}]\x00\x00', [A], bad(2, "MALFORMED", 9)),
    ]


def cases() -> list[Case]:
    return [*_lines(), *_first_lines(), *_long_files(), *_documents(), *_arrays(), *_broken_arrays()]
