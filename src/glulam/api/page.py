"""docs/operations.md, made from the service models and the api classes."""

from __future__ import annotations

from collections.abc import Mapping

_HEAD = """# Operations

<!-- made by `glulam operations --markdown`; do not edit -->

Every operation below is in the service's own model. One that is not implemented answers `OperationNotSupportedException`
(S3 and STS: `NotImplemented`) with HTTP 501 and does nothing.
"""


def page(services: Mapping[str, Mapping[str, bool]]) -> str:
    """The page, for {service: {operation: implemented}}."""
    parts = [_HEAD]
    for service, found in services.items():
        there = [name for name, implemented in found.items() if implemented]
        missing = [name for name, implemented in found.items() if not implemented]
        parts.append(f"## {service}: {len(there)} of {len(found)}\n\n{_lines(there)}\n")
        parts.append(f"### Not implemented\n\n{_lines(missing)}\n")
    return "\n".join(parts)


def _lines(names: list[str]) -> str:
    return "\n".join(f"- `{name}`" for name in names) if names else "None."
