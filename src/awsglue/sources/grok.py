"""grokLog: lines of a log by a pattern such as `%{IPORHOST:client} %{WORD:verb} %{NUMBER:ms:double}`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from awsglue.functions import expanded
from awsglue.records import Records
from awsglue.sources.scans import Scan
from awsglue.sources.tabular import reader
from awsglue.workspace import Workspace
from glulam.model.errors import InvalidInput

_PATTERNS = {
    "USERNAME": r"[a-zA-Z0-9._-]+", "USER": r"%{USERNAME}", "INT": r"[+-]?\d+", "NUMBER": r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)",
    "BASE10NUM": r"%{NUMBER}", "POSINT": r"[1-9]\d*", "NONNEGINT": r"\d+", "WORD": r"\b\w+\b", "NOTSPACE": r"\S+",
    "SPACE": r"\s*", "DATA": r".*?", "GREEDYDATA": r".*", "QUOTEDSTRING": r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'",
    "QS": r"%{QUOTEDSTRING}", "UUID": r"[A-Fa-f0-9]{8}-(?:[A-Fa-f0-9]{4}-){3}[A-Fa-f0-9]{12}",
    "IPV4": r"(?:\d{1,3}\.){3}\d{1,3}", "IPV6": r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]+", "IP": r"%{IPV6}|%{IPV4}",
    "HOSTNAME": r"\b[0-9A-Za-z][0-9A-Za-z-]{0,62}(?:\.[0-9A-Za-z][0-9A-Za-z-]{0,62})*\b", "IPORHOST": r"%{IP}|%{HOSTNAME}",
    "HOSTPORT": r"%{IPORHOST}:%{POSINT}", "PATH": r"(?:/[\w_%!$@:.,+~-]*)+", "URIPATH": r"(?:/[^\s?#]*)+",
    "URIPARAM": r"\?\S*", "URIPATHPARAM": r"%{URIPATH}(?:%{URIPARAM})?", "MONTH": r"\b[A-Z][a-z]{2,8}\b",
    "MONTHNUM": r"0?[1-9]|1[0-2]", "MONTHDAY": r"0[1-9]|[12]\d|3[01]|[1-9]", "YEAR": r"\d{4}|\d{2}", "HOUR": r"2[0-3]|[01]?\d",
    "MINUTE": r"[0-5]\d", "SECOND": r"(?:[0-5]?\d|60)(?:[:.,]\d+)?", "TIME": r"%{HOUR}:%{MINUTE}:%{SECOND}",
    "ISO8601_TIMEZONE": r"Z|[+-]\d{2}:?\d{2}",
    "LOGLEVEL": r"(?i:trace|debug|notice|info|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal|severe)",
    "TIMESTAMP_ISO8601": r"%{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}(?::?%{SECOND})?(?:%{ISO8601_TIMEZONE})?",
    "HTTPDATE": r"%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}",
    "COMMONAPACHELOG": r'%{IPORHOST:clientip} %{NOTSPACE:ident} %{NOTSPACE:auth} \[%{HTTPDATE:timestamp}\] "(?:%{WORD:verb}'
    r' %{NOTSPACE:request}(?: HTTP/%{NUMBER:httpversion})?|%{DATA:rawrequest})" %{NUMBER:response} (?:%{NUMBER:bytes}|-)',
    "COMBINEDAPACHELOG": r"%{COMMONAPACHELOG} %{QS:referrer} %{QS:agent}",
}  # fmt: skip
_REFERENCE = re.compile(r"%\{(\w+)(?::(\w+))?(?::(\w+))?\}")
_TYPES: dict[str, Callable[[str], Any]] = {
    "int": int, "long": int, "byte": int, "short": int, "float": float, "double": float, "string": str,
    "boolean": lambda text: text.lower() == "true",
}  # fmt: skip


def compiled(pattern: str, custom: str = "") -> tuple[str, dict[str, str]]:
    """A regular expression, and the types of its groups. Raises InvalidInput for a name that no pattern has."""
    known = dict(_PATTERNS)
    for line in custom.splitlines():
        name, _, text = line.strip().partition(" ")
        if name and text:
            known[name] = text.strip()
    types: dict[str, str] = {}

    def replaced(match: re.Match[str], depth: int) -> str:
        name, group, kind = match.groups()
        if name not in known or depth > 20:
            raise InvalidInput(
                f"grok pattern {pattern!r}: no pattern is named {name!r}; add it to customPatterns"
            )
        inner = _REFERENCE.sub(lambda m: replaced(m, depth + 1), known[name])
        if group is None:
            return f"(?:{inner})"
        types[group] = kind or "string"
        return f"(?P<{group}>{inner})"

    return _REFERENCE.sub(lambda m: replaced(m, 0), pattern), types


def read(work: Workspace, scan: Scan, options: dict[str, Any], *, stage: int, site: str) -> Records:
    """A line that the pattern does not fit is an error record."""
    if not options.get("logFormat"):
        raise InvalidInput('format "grokLog" needs format_options={"logFormat": the grok pattern}')
    regex, types = compiled(options["logFormat"], options.get("customPatterns", ""))
    lines = Records.of(reader(work, scan).text(list(scan.paths)))
    missing = options.get("MISSING", "-")
    return expanded(
        lines,
        partial(_fields, regex=regex, types=types, missing=missing),
        stage=stage,
        site=site,
        info="grokLog",
    )


def _fields(row: dict[str, Any], *, regex: str, types: dict[str, str], missing: str) -> list[dict[str, Any]]:
    text = row.pop("value")
    found = re.search(regex, text)
    if found is None:
        raise ValueError("the line does not fit the grok pattern")
    values = {name: None if value in (None, missing) else _TYPES[types[name]](value)
              for name, value in found.groupdict().items()}  # fmt: skip
    return [{**values, **row}]
