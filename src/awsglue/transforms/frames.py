"""Transforms of one frame, of two, and of collections, each the method of DynamicFrame under its class name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from awsglue import reshaping
from awsglue.collection import DynamicFrameCollection
from awsglue.dynamicframe import DynamicFrame
from awsglue.records import Records
from awsglue.transforms.transform import GlueTransform
from glulam.model.errors import OperationNotSupported


class ApplyMapping(GlueTransform):
    """Only the mapped fields, named and converted as (source, source type, target, target type) say. Takes a
    DataFrame too, and gives one back."""

    def __call__(
        self, frame: Any, mappings: Iterable[Sequence[str]], case_sensitive: bool = True,
        transformation_ctx: str = "", info: str = "", stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> Any:  # fmt: skip
        if not isinstance(frame, DynamicFrame):
            return reshaping.apply_mapping(Records.of(frame), mappings, case_sensitive=case_sensitive).frame
        return frame.apply_mapping(
            mappings, case_sensitive, transformation_ctx, info, stageThreshold, totalThreshold
        )


class SelectFields(GlueTransform):
    """Only these fields."""

    def __call__(self, frame: DynamicFrame, paths: Iterable[str], **common: Any) -> DynamicFrame:
        return frame.select_fields(paths, **common)


class DropFields(GlueTransform):
    """All but these fields."""

    def __call__(self, frame: DynamicFrame, paths: Iterable[str], **common: Any) -> DynamicFrame:
        return frame.drop_fields(paths, **common)


class RenameField(GlueTransform):
    """One field under another name."""

    def __call__(self, frame: DynamicFrame, old_name: str, new_name: str, **common: Any) -> DynamicFrame:
        return frame.rename_field(old_name, new_name, **common)


class DropNullFields(GlueTransform):
    """Without the fields that no record has a value for."""

    def __call__(self, frame: DynamicFrame, transformation_ctx: str = "", **common: Any) -> DynamicFrame:
        return frame.drop_nulls(transformation_ctx)


class ResolveChoice(GlueTransform):
    """One type for fields that have several."""

    def __call__(
        self,
        frame: DynamicFrame,
        specs: Iterable[Sequence[str]] | None = None,
        choice: str = "",
        **common: Any,
    ) -> DynamicFrame:
        return frame.resolveChoice(specs, choice, **common)


class Map(GlueTransform):
    """What a function makes of each record."""

    def __call__(
        self, frame: DynamicFrame, f: Callable[[dict[str, Any]], Any], **common: Any
    ) -> DynamicFrame:
        return frame.map(f, **common)


class Filter(GlueTransform):
    """The records for which a function says true."""

    def __call__(
        self, frame: DynamicFrame, f: Callable[[dict[str, Any]], Any], **common: Any
    ) -> DynamicFrame:
        return frame.filter(f, **common)


class Join(GlueTransform):
    """Pairs of records of two frames with equal keys."""

    def __call__(
        self,
        frame1: DynamicFrame,
        frame2: DynamicFrame,
        keys1: Sequence[str],
        keys2: Sequence[str],
        **common: Any,
    ) -> DynamicFrame:
        return frame1.join(keys1, keys2, frame2, **common)


class Relationalize(GlueTransform):
    """Flat tables, one for each array."""

    def __call__(
        self, frame: DynamicFrame, staging_path: str | None = None, name: str = "roottable",
        options: dict[str, Any] | None = None, **common: Any,
    ) -> DynamicFrameCollection:  # fmt: skip
        return frame.relationalize(name, staging_path, options, **common)


class UnnestFrame(GlueTransform):
    """Members of structs as fields."""

    def __call__(self, frame: DynamicFrame, **common: Any) -> DynamicFrame:
        return frame.unnest(**common)


class Unbox(GlueTransform):
    """A text field read as JSON or CSV."""

    def __call__(self, frame: DynamicFrame, path: str, format: str, **options: Any) -> DynamicFrame:
        return frame.unbox(path, format, **options)


class Simplify_ddb_json(GlueTransform):
    """DynamoDB's JSON without its type names."""

    def __call__(self, frame: DynamicFrame, **common: Any) -> DynamicFrame:
        return frame.simplify_ddb_json(**common)


class SplitFields(GlueTransform):
    """Two frames: these fields, and the others."""

    def __call__(
        self,
        frame: DynamicFrame,
        paths: Iterable[str],
        name1: str = "frame1",
        name2: str = "frame2",
        **common: Any,
    ) -> DynamicFrameCollection:
        return frame.split_fields(paths, name1, name2, **common)


class SplitRows(GlueTransform):
    """Two frames: the records that comparisons hold for, and the others."""

    def __call__(
        self, frame: DynamicFrame, comparison_dict: dict[str, dict[str, Any]], name1: str = "frame1",
        name2: str = "frame2", **common: Any,
    ) -> DynamicFrameCollection:  # fmt: skip
        return frame.split_rows(comparison_dict, name1, name2, **common)


class Spigot(GlueTransform):
    """Writes sample records."""

    def __call__(
        self,
        frame: DynamicFrame,
        path: str,
        options: dict[str, Any] | None = None,
        transformation_ctx: str = "",
    ) -> DynamicFrame:
        return frame.spigot(path, options, transformation_ctx)


class MergeDynamicFrame(GlueTransform):
    """Records of a staged frame over those with equal keys."""

    def __call__(
        self,
        frame: DynamicFrame,
        stage_dynamic_frame: DynamicFrame,
        primary_keys: Sequence[str],
        **common: Any,
    ) -> DynamicFrame:
        return frame.mergeDynamicFrame(stage_dynamic_frame, primary_keys, **common)


class Union(GlueTransform):
    """The records of two frames."""

    def __call__(self, frame1: DynamicFrame, frame2: DynamicFrame, **common: Any) -> DynamicFrame:
        return frame1.union(frame2, **common)


class ErrorsAsDynamicFrame(GlueTransform):
    """The records that failed."""

    def __call__(self, frame: DynamicFrame) -> DynamicFrame:
        return frame.errorsAsDynamicFrame()


class SelectFromCollection(GlueTransform):
    """One frame of a collection."""

    def __call__(self, dfc: DynamicFrameCollection, key: str, transformation_ctx: str = "") -> DynamicFrame:
        return dfc.select(key, transformation_ctx)


class MapToCollection(GlueTransform):
    """What a function makes of each frame of a collection."""

    def __call__(
        self, dfc: DynamicFrameCollection, callable: Callable[..., DynamicFrame], transformation_ctx: str = ""
    ) -> DynamicFrameCollection:
        return dfc.map(callable, transformation_ctx)


class FlatMap(GlueTransform):
    """A transform of each frame of a collection: `base_kwargs` are its arguments, `frame_name` names that of the frame."""

    def __call__(
        self, dfc: DynamicFrameCollection, BaseTransform: type[GlueTransform], frame_name: str,
        transformation_ctx: str = "", **base_kwargs: Any,
    ) -> DynamicFrameCollection:  # fmt: skip
        return dfc.flatmap(
            lambda frame, _: BaseTransform.apply(**{**base_kwargs, frame_name: frame}), transformation_ctx
        )


class _Learned(GlueTransform):
    """Needs a model that Amazon trains."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise OperationNotSupported(
            f"{self.name()} needs a model that Amazon trains: it is not available here"
        )


class FillMissingValues(_Learned):
    pass


class FindMatches(_Learned):
    pass


class FindIncrementalMatches(_Learned):
    pass
