"""DynamicFrameCollection: named DynamicFrames, as relationalize and the splits give them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from glulam.model.errors import EntityNotFound

if TYPE_CHECKING:
    from awsglue.context import GlueContext
    from awsglue.dynamicframe import DynamicFrame


class DynamicFrameCollection:
    def __init__(self, dynamic_frames: Mapping[str, DynamicFrame], glue_ctx: GlueContext) -> None:
        self._frames, self._glue_ctx = dict(dynamic_frames), glue_ctx

    def keys(self) -> list[str]:
        return list(self._frames)

    def values(self) -> list[DynamicFrame]:
        return list(self._frames.values())

    def items(self) -> list[tuple[str, DynamicFrame]]:
        return list(self._frames.items())

    def select(self, key: str, transformation_ctx: str = "") -> DynamicFrame:
        """The frame of that name. Raises EntityNotFound."""
        if key not in self._frames:
            raise EntityNotFound(
                f"no DynamicFrame {key!r} in the collection; there are {', '.join(self._frames)}"
            )
        return self._frames[key]

    def __getitem__(self, key: str) -> DynamicFrame:
        return self.select(key)

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterable[str]:
        return iter(self._frames)

    def map(
        self, callable: Callable[..., DynamicFrame], transformation_ctx: str = ""
    ) -> DynamicFrameCollection:
        """A collection of `callable(frame, transformation_ctx)` under the same names."""
        made = {
            key: callable(frame, _context(transformation_ctx, key)) for key, frame in self._frames.items()
        }
        return DynamicFrameCollection(made, self._glue_ctx)

    def flatmap(self, f: Callable[..., Any], transformation_ctx: str = "") -> DynamicFrameCollection:
        """`f(frame, transformation_ctx)` gives a frame or a collection; those of collections are named `key.name`."""
        made: dict[str, DynamicFrame] = {}
        for key, frame in self._frames.items():
            found = f(frame, _context(transformation_ctx, key))
            if isinstance(found, DynamicFrameCollection):
                made.update({f"{key}.{name}": inner for name, inner in found.items()})
            else:
                made[key] = found
        return DynamicFrameCollection(made, self._glue_ctx)


def _context(transformation_ctx: str, key: str) -> str:
    return f"{transformation_ctx}.{key}" if transformation_ctx else key
