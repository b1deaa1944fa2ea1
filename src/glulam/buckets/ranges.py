"""Which bytes of an object a request wants: `Range: bytes=...`, or the part of an object uploaded in parts. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from glulam.model.s3_errors import InvalidArgument, InvalidPartNumber, InvalidRange

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Span:
    """Bytes of an object. `partial`: say so with a Content-Range."""

    offset: int
    length: int
    partial: bool = False

    def content_range(self, size: int) -> str | None:
        return f"bytes {self.offset}-{self.offset + self.length - 1}/{size}" if self.partial else None


def span_of_range(text: str | None, size: int) -> Span:
    """A header that cannot be read (or names several ranges) is as good as none, as in S3. Raises InvalidRange."""
    match = _RANGE.fullmatch(text.strip()) if text else None
    if match is None or match.group() == "bytes=-":
        return Span(offset=0, length=size)
    first, last = match.groups()
    if not first:
        length = min(int(last), size)
        if length == 0:
            raise InvalidRange(RangeRequested=text, ActualObjectSize=size)
        return Span(offset=size - length, length=length, partial=True)
    if last and int(last) < int(first):
        return Span(offset=0, length=size)
    if int(first) >= size:
        raise InvalidRange(RangeRequested=text, ActualObjectSize=size)
    end = min(int(last), size - 1) if last else size - 1
    return Span(offset=int(first), length=end - int(first) + 1, partial=True)


def span_of_part(number: int, sizes: Sequence[int], size: int) -> Span:
    """`sizes` of the parts; none for an object that was put whole, which is its own part 1. Raises
    InvalidPartNumber."""
    if not sizes:
        if number != 1:
            raise InvalidPartNumber(PartNumberRequested=number, ActualPartCount=1)
        return Span(offset=0, length=size, partial=size > 0)
    if not 1 <= number <= len(sizes):
        raise InvalidPartNumber(PartNumberRequested=number, ActualPartCount=len(sizes))
    return Span(offset=sum(sizes[: number - 1]), length=sizes[number - 1], partial=True)


def copy_span(text: str | None, size: int) -> Span:
    """Of UploadPartCopy, which takes `bytes=first-last` only. Raises InvalidArgument or InvalidRange."""
    if text is None:
        return Span(offset=0, length=size)
    match = _RANGE.fullmatch(text)
    if match is None or not all(match.groups()) or int(match[2]) < int(match[1]):
        raise InvalidArgument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy", ArgumentName="x-amz-copy-source-range",
            ArgumentValue=text,
        )  # fmt: skip
    first, last = int(match[1]), int(match[2])
    if last >= size:
        raise InvalidRange(
            f"Range specified is not valid for source object of size: {size}",
            RangeRequested=text,
            ActualObjectSize=size,
        )
    return Span(offset=first, length=last - first + 1)
