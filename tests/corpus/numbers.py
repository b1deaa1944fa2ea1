"""Forms of numbers: which are JSON, which are integers, which leave the range of a double."""

from __future__ import annotations

from corpus.case import Case, bad_line, case, good_line

_NOT_NUMBERS = (
    b"NaN", b"nan", b"-NaN", b"Infinity", b"-Infinity", b"inf", b"+1", b"01", b"-01", b"00", b"-00", b"007", b".5",
    b"-.5", b"1.", b"1.e5", b"1e", b"1E", b"1e+", b"1e-", b"1e1.5", b"-", b"--1", b"+", b"0x10", b"0b1", b"0o7",
    b"1_000", b"1,000.5", b"1f", b"1d", b"1L", b"1.2.3", b"1 2", b"1-2", "１".encode(), "∞".encode(), "−1".encode(),
)  # fmt: skip
"""Values of one member that make the record malformed. `1,000.5` reads as a member without a key."""

_OUT_OF_RANGE = (
    b"1e999",
    b"-1e999",
    b"1E400",
    b"1.0e309",
    b"1.7976931348623159e308",
    b"0.1e400",
    b"1" * 320 + b".5",
)

_INTEGERS = {
    b"0": 0,
    b"-0": 0,
    b"9223372036854775807": 2**63 - 1,
    b"-9223372036854775808": -(2**63),
    b"9223372036854775808": 2**63,
    b"-9223372036854775809": -(2**63) - 1,
    b"18446744073709551615": 2**64 - 1,
    b"18446744073709551616": 2**64,
    b"9007199254740993": 2**53 + 1,
    b"9" * 38: 10**38 - 1,
    b"-" + b"9" * 38: 1 - 10**38,
    b"1" + b"0" * 38: 10**38,
    b"1" + b"0" * 400: 10**400,
}

_DOUBLES = {
    b"1.0": 1.0,
    b"-1.0": -1.0,
    b"-0.0": -0.0,
    b"0.0": 0.0,
    b"1E2": 100.0,
    b"1e2": 100.0,
    b"1e+2": 100.0,
    b"1e-2": 0.01,
    b"0e10": 0.0,
    b"1.5E+003": 1500.0,
    b"0.1": 0.1,
    b"0.30000000000000004": 0.30000000000000004,
    b"9007199254740993.0": 9007199254740992.0,
    b"1.7976931348623157e308": 1.7976931348623157e308,
    b"2.2250738585072014e-308": 2.2250738585072014e-308,
    b"5e-324": 5e-324,
    b"0." + b"0" * 100 + b"1": 1e-101,
    b"3.14159265358979323846264338327950288419716939937510": 3.141592653589793,
}


def cases() -> list[Case]:
    found = [bad_line(f"not a number: {text.decode()}", b'{"a":%b}' % text) for text in _NOT_NUMBERS]
    found += [
        bad_line(f"out of range: {text[:24].decode()}", b'{"a":[{"b":%b}]}' % text, "NUMBER_RANGE")
        for text in _OUT_OF_RANGE
    ]
    for kind, table in (("integer", _INTEGERS), ("double", _DOUBLES)):
        found += [
            good_line(
                f"{kind}: {text[:24].decode()}, {len(text)} characters", b'{"a":%b}' % text, {"a": value}
            )
            for text, value in table.items()
        ]
    found.append(good_line("numbers in an array", b'{"a":[1,1.0,-0,1e0]}', {"a": [1, 1.0, 0, 1.0]}))
    found.append(good_line("a number at the end of the record", b'{"a":-12 }', {"a": -12}))
    text = b'{"k":1}\n{"a":' + b"7" * 5_000 + b"}\n"
    found.append(case("integer: 5,000 digits, beyond what int() takes", text, 2))
    return found
