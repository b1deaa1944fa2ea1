"""getResolvedOptions: the arguments of a job run. The module's name is the one that scripts import.

--day 2024-01-01, --day=2024-01-01      the value of "day"
--enable-metrics                        a name without a value is passed over; to ask for its value is an error
--my-option                             asked for as "my-option" or "my_option", given as my_option
"""

from __future__ import annotations

from collections.abc import Sequence

from awsglue.bookmarks import DISABLE, ENABLE, PAUSE
from glulam.model.errors import InvalidInput

RESERVED = ("job_bookmark_option", "job_bookmark_from", "job_bookmark_to", "JOB_ID", "JOB_RUN_ID",
            "SECURITY_CONFIGURATION", "encryption_type", "enable_data_lineage")  # fmt: skip
_GIVEN = {"job_bookmark_option": DISABLE}
_BOOKMARKS = (ENABLE, DISABLE, PAUSE)


class GlueArgumentError(InvalidInput):
    """An argument that a job needs is missing, or one that Glue keeps to itself is asked for."""


def getResolvedOptions(args: Sequence[str], options: Sequence[str]) -> dict[str, str | None]:
    """Values of `options` from `args` (sys.argv), and of Glue's own arguments. Raises GlueArgumentError."""
    wanted = {name.replace("-", "_"): name for name in options}
    for name in wanted:
        if name in RESERVED:
            raise GlueArgumentError(f"Using reserved arguments: {wanted[name]}")
    found = parsed(args[1:])
    if missing := [f"--{original}" for name, original in wanted.items() if name not in found]:
        raise GlueArgumentError(f"the following arguments are required: {', '.join(missing)}")
    for name in wanted:
        if found[name] is None:
            raise GlueArgumentError(f"argument --{wanted[name]}: expected one argument")
    bookmark = found.get("job_bookmark_option")
    if bookmark is not None and bookmark not in _BOOKMARKS:
        raise GlueArgumentError(
            f"argument --job-bookmark-option: invalid choice: {bookmark!r}; expected one of {', '.join(_BOOKMARKS)}"
        )
    return {**_reserved(found), **{name: found[name] for name in wanted}}


def _reserved(found: dict[str, str | None]) -> dict[str, str | None]:
    values: dict[str, str | None] = dict(_GIVEN)
    for name in (*RESERVED, "RedshiftTempDir", "TempDir"):
        if found.get(name) is not None:
            values[name] = found[name]
        else:
            values.setdefault(name, None)
    return values


def parsed(words: Sequence[str]) -> dict[str, str | None]:
    """`--name value` and `--name=value`; the last one counts. A value may begin with a hyphen only after `=`."""
    found: dict[str, str | None] = {}
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if not word.startswith("--"):
            continue
        name, equals, value = word[2:].partition("=")
        if equals:
            found[name.replace("-", "_")] = value
        elif at < len(words) and not words[at].startswith("--"):
            found[name.replace("-", "_")] = words[at]
            at += 1
        else:
            found[name.replace("-", "_")] = None
    return found
