"""DynamicFrame: records that describe themselves, on a DataFrame.

This is the door: the names, arguments and defaults that Glue documents. What the transformations do stands in
reshaping.py, resolving.py, flattening.py and functions.py. Nothing is computed until a schema or a record is asked for.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as sp

from awsglue import flattening, functions, reshaping, resolving
from awsglue import gluetypes as gt
from awsglue.collection import DynamicFrameCollection
from awsglue.reading import DynamicFrameReader
from awsglue.records import Records, StageErrors, opened
from awsglue.resolving import ResolveOption
from awsglue.writing import DynamicFrameWriter
from glulam.model.errors import DataRejected, InvalidInput

if TYPE_CHECKING:
    from awsglue.context import GlueContext

__all__ = [
    "DynamicFrame",
    "DynamicFrameCollection",
    "DynamicFrameReader",
    "DynamicFrameWriter",
    "ResolveOption",
]

log = logging.getLogger("awsglue")
_stages = itertools.count(1)


def next_stage() -> int:
    """A number for a transformation, by which its errors are told from those of others."""
    return next(_stages)


_ERROR = gt.StructType([
    gt.Field(name, gt.StringType())
    for name in ("msg", "stackTrace", "dynamicRecord", "transformation_ctx", "info")
])  # fmt: skip


class DynamicFrame:
    """`make` gives the records when they are first needed. Scripts use `DynamicFrame.fromDF` or a reader."""

    def __init__(
        self, make: Callable[[], Records] | Records | DataFrame, glue_ctx: GlueContext, name: str = "", *,
        stage: int | None = None, thresholds: tuple[int, int] = (0, 0),
    ) -> None:  # fmt: skip
        self.glue_ctx, self.name = glue_ctx, name
        self._make = make
        self._records: Records | None = make if isinstance(make, Records) else None
        self._stage = stage if stage is not None else next_stage()
        self._stage_threshold, self._total_threshold = thresholds

    @property
    def records(self) -> Records:
        """The DataFrame, its types and its errors."""
        if self._records is None:
            made = self._make() if callable(self._make) else self._make
            self._records = made if isinstance(made, Records) else Records.of(made)
        return self._records

    def _then(
        self, make: Callable[[int], Records], transformation_ctx: str, stageThreshold: int, totalThreshold: int,
    ) -> DynamicFrame:  # fmt: skip
        stage = next_stage()
        name = transformation_ctx or self.name
        return DynamicFrame(
            lambda: make(stage), self.glue_ctx, name, stage=stage, thresholds=(stageThreshold, totalThreshold)
        )

    # -- to and from DataFrames --------------------------------------------------------------------------------------

    @classmethod
    def fromDF(cls, dataframe: DataFrame, glue_ctx: GlueContext, name: str = "") -> DynamicFrame:
        return cls(dataframe, glue_ctx, name)

    def toDF(self, options: Sequence[ResolveOption] | None = None) -> DataFrame:
        """The good records; a choice that nothing resolved is a struct of its alternatives."""
        self.assertErrorThreshold()
        if not options:
            return self.records.frame
        return resolving.resolve(self.records, [option.spec() for option in options], "").frame

    # -- what is in it ----------------------------------------------------------------------------------------------

    def schema(self) -> gt.StructType:
        return self.records.schema

    def printSchema(self) -> None:
        print(gt.tree(self.schema()))

    def show(self, num_rows: int = 20) -> None:
        """Prints records as JSON, one a line."""
        self.assertErrorThreshold()
        frame = self.records.frame
        for row in frame.limit(num_rows).select(F.to_json(F.struct("*"))).collect() if frame.columns else ():
            print(row[0])

    def count(self) -> int:
        self.assertErrorThreshold()
        return int(self.records.frame.count()) if self.records.frame.columns else 0

    def getNumPartitions(self) -> int:
        found = self.records.frame.select(F.spark_partition_id().alias("p")).distinct().count()
        return int(found)

    def repartition(
        self, num_partitions: int, transformation_ctx: str = "", info: str = "", stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        return self._then(
            lambda _: replace(self.records, frame=self.records.frame.repartition(num_partitions)),
            transformation_ctx, stageThreshold, totalThreshold,
        )  # fmt: skip

    def coalesce(
        self, num_partitions: int, shuffle: bool = False, transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        def make(_: int) -> Records:
            frame = self.records.frame
            return replace(
                self.records,
                frame=frame.repartition(num_partitions) if shuffle else frame.coalesce(num_partitions),
            )

        return self._then(make, transformation_ctx, stageThreshold, totalThreshold)

    # -- errors ------------------------------------------------------------------------------------------------------

    def errorsCount(self) -> int:
        """Records that failed, here and in what this frame was made from. Runs the transformations."""
        return sum(errors.count for errors in self.records.errors)

    def stageErrorsCount(self) -> int:
        """Records that failed in the transformation that made this frame."""
        return sum(errors.count for errors in self.records.errors if errors.stage == self._stage)

    def errorsAsDynamicFrame(self) -> DynamicFrame:
        """A frame of one field `error`: msg, stackTrace, dynamicRecord (as JSON), transformation_ctx, info."""
        found = [_error_rows(errors) for errors in self.records.errors]
        whole = gt.StructType([gt.Field("error", _ERROR)])
        if not found:
            session = self.records.frame.sparkSession
            inner = ", ".join(f"{f.name}: string" for f in _ERROR.fields)
            found = [session.createDataFrame([], sp.StructType.fromDDL(f"error struct<{inner}>"))]
        rows = found[0]
        for more in found[1:]:
            rows = rows.union(more)
        return DynamicFrame(Records(frame=rows, schema=whole), self.glue_ctx, f"{self.name}_errors")

    def assertErrorThreshold(self) -> None:
        """Raises DataRejected when more records failed than stageThreshold or totalThreshold (0: any number) allow."""
        for limit, count, what in (
            (self._stage_threshold, self.stageErrorsCount, "in this transformation"),
            (self._total_threshold, self.errorsCount, "in all"),
        ):
            if limit and (found := count()) >= limit:
                raise DataRejected(
                    f"{self.name or 'DynamicFrame'}: {found} records failed {what}, the threshold is {limit};"
                    f" the first: {self._first_error()}"
                )

    def _first_error(self) -> str:
        for errors in self.records.errors:
            for row in errors.found.limit(1).collect():
                return str(opened(row[0])["msg"])
        return ""

    # -- fields ------------------------------------------------------------------------------------------------------

    def apply_mapping(
        self, mappings: Iterable[Sequence[str]], case_sensitive: bool = True, transformation_ctx: str = "",
        info: str = "", stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        listed = list(mappings)
        return self._then(
            lambda _: reshaping.apply_mapping(self.records, listed, case_sensitive=case_sensitive),
            transformation_ctx, stageThreshold, totalThreshold,
        )  # fmt: skip

    def select_fields(
        self, paths: Iterable[str], transformation_ctx: str = "", info: str = "", stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        listed = _texts(paths)
        return self._then(lambda _: reshaping.select_fields(self.records, listed), transformation_ctx,
                          stageThreshold, totalThreshold)  # fmt: skip

    def drop_fields(
        self, paths: Iterable[str], transformation_ctx: str = "", info: str = "", stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        listed = _texts(paths)
        return self._then(lambda _: reshaping.drop_fields(self.records, listed), transformation_ctx,
                          stageThreshold, totalThreshold)  # fmt: skip

    def rename_field(
        self, oldName: str, newName: str, transformation_ctx: str = "", info: str = "", stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        return self._then(lambda _: reshaping.rename_field(self.records, oldName, newName), transformation_ctx,
                          stageThreshold, totalThreshold)  # fmt: skip

    def drop_nulls(
        self, transformation_ctx: str = "", stageThreshold: int = 0, totalThreshold: int = 0
    ) -> DynamicFrame:
        return self._then(
            lambda _: reshaping.drop_nulls(self.records), transformation_ctx, stageThreshold, totalThreshold
        )

    def resolveChoice(
        self, specs: Iterable[Sequence[str]] | None = None, choice: str = "", database: str | None = None,
        table_name: str | None = None, transformation_ctx: str = "", info: str = "", stageThreshold: int = 0,
        totalThreshold: int = 0, catalog_id: str | None = None,
    ) -> DynamicFrame:  # fmt: skip
        listed = list(specs or ())

        def make(_: int) -> Records:
            catalog = (
                self.glue_ctx.table_schema(database, table_name, catalog_id)
                if database and table_name
                else None
            )
            return resolving.resolve(self.records, listed, choice or "", catalog)

        return self._then(make, transformation_ctx, stageThreshold, totalThreshold)

    def split_fields(
        self, paths: Iterable[str], name1: str, name2: str, transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrameCollection:  # fmt: skip
        listed = _texts(paths)
        first = self.select_fields(listed, transformation_ctx, info, stageThreshold, totalThreshold)
        second = self.drop_fields(listed, transformation_ctx, info, stageThreshold, totalThreshold)
        return DynamicFrameCollection({name1: first, name2: second}, self.glue_ctx)

    # -- records -----------------------------------------------------------------------------------------------------

    def map(
        self, f: Callable[[dict[str, Any]], Any], preservesPartitioning: bool = False, transformation_ctx: str = "",
        info: str = "", stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        return self._then(
            lambda stage: functions.mapped(self.records, f, stage=stage, site=transformation_ctx, info=info),
            transformation_ctx, stageThreshold, totalThreshold,
        )  # fmt: skip

    def filter(
        self, f: Callable[[dict[str, Any]], Any], transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        return self._then(
            lambda stage: functions.filtered(self.records, f, stage=stage, site=transformation_ctx, info=info),
            transformation_ctx, stageThreshold, totalThreshold,
        )  # fmt: skip

    def split_rows(
        self, comparison_dict: dict[str, dict[str, Any]], name1: str, name2: str, transformation_ctx: str = "",
        info: str = "", stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrameCollection:  # fmt: skip
        def part(wanted: bool) -> Callable[[int], Records]:
            def make(_: int) -> Records:
                condition = reshaping.compared(self.records, comparison_dict)
                return self.records.filtered(condition if wanted else ~condition)

            return make

        ctx = transformation_ctx
        frames = [self._then(part(wanted), ctx, stageThreshold, totalThreshold) for wanted in (True, False)]
        return DynamicFrameCollection({name1: frames[0], name2: frames[1]}, self.glue_ctx)

    def join(
        self, paths1: Sequence[str], paths2: Sequence[str], frame2: DynamicFrame, transformation_ctx: str = "",
        info: str = "", stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        keys = _texts(paths1), _texts(paths2)
        return self._then(lambda _: reshaping.join(self.records, frame2.records, *keys), transformation_ctx,
                          stageThreshold, totalThreshold)  # fmt: skip

    def union(
        self, other_frame: DynamicFrame, transformation_ctx: str = "", info: str = "", stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        return self._then(lambda _: reshaping.union(self.records, other_frame.records), transformation_ctx,
                          stageThreshold, totalThreshold)  # fmt: skip

    def mergeDynamicFrame(
        self, stage_dynamic_frame: DynamicFrame, primary_keys: Sequence[str], transformation_ctx: str = "",
        options: dict[str, Any] | None = None, info: str = "", stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        return self._then(
            lambda _: reshaping.merge_frames(self.records, stage_dynamic_frame.records, primary_keys),
            transformation_ctx, stageThreshold, totalThreshold,
        )  # fmt: skip

    # -- nesting -----------------------------------------------------------------------------------------------------

    def unnest(
        self, transformation_ctx: str = "", info: str = "", stageThreshold: int = 0, totalThreshold: int = 0
    ) -> DynamicFrame:
        return self._then(
            lambda _: flattening.unnest(self.records), transformation_ctx, stageThreshold, totalThreshold
        )

    def relationalize(
        self, root_table_name: str, staging_path: str | None = None, options: dict[str, Any] | None = None,
        transformation_ctx: str = "", info: str = "", stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrameCollection:  # fmt: skip
        tables = flattening.relationalize(self.records, root_table_name, staging_path)
        return DynamicFrameCollection(
            {name: DynamicFrame(table, self.glue_ctx, name) for name, table in tables.items()}, self.glue_ctx
        )

    def unbox(
        self, path: str, format: str, transformation_ctx: str = "", info: str = "", stageThreshold: int = 0,
        totalThreshold: int = 0, **options: Any,
    ) -> DynamicFrame:  # fmt: skip
        def make(stage: int) -> Records:
            where, site = self.records.located(path), transformation_ctx
            return functions.unboxed(self.records, where, format, options, stage=stage, site=site, info=info)

        return self._then(make, transformation_ctx, stageThreshold, totalThreshold)

    def simplify_ddb_json(
        self, transformation_ctx: str = "", info: str = "", stageThreshold: int = 0, totalThreshold: int = 0
    ) -> DynamicFrame:
        return self._then(lambda _: flattening.simplify_dynamo(self.records), transformation_ctx,
                          stageThreshold, totalThreshold)  # fmt: skip

    def unnest_ddb_json(
        self, transformation_ctx: str = "", info: str = "", stageThreshold: int = 0, totalThreshold: int = 0
    ) -> DynamicFrame:
        return self._then(lambda _: flattening.unnest_dynamo(self.records), transformation_ctx,
                          stageThreshold, totalThreshold)  # fmt: skip

    # -- out ---------------------------------------------------------------------------------------------------------

    def spigot(
        self, path: str, options: dict[str, Any] | None = None, transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        """Writes sample records as JSON below `path`: the first `topk` of those picked with probability `prob`."""
        chosen = options or {}
        probability, most = float(chosen.get("prob", 1.0)), int(chosen.get("topk", 100))
        if not 0 <= probability <= 1:
            raise InvalidInput(f"spigot: prob is {probability}; expected a number from 0 to 1")
        frame = self.toDF()
        picked = frame if probability == 1 else frame.sample(probability)
        self.glue_ctx.session_for(path)
        picked.limit(most).write.mode("append").json(path)
        return self

    def write(
        self, connection_type: str, connection_options: dict[str, Any] | None = None, format: str | None = None,
        format_options: dict[str, Any] | None = None, accumulator_size: int = 0, transformation_ctx: str = "",
    ) -> DynamicFrame:  # fmt: skip
        self.glue_ctx.write_dynamic_frame.from_options(
            self, connection_type, connection_options or {}, format, format_options or {}, transformation_ctx
        )
        return self

    def __repr__(self) -> str:
        return f"DynamicFrame({self.name!r})"


def _texts(paths: Iterable[str]) -> list[str]:
    return [paths] if isinstance(paths, str) else list(paths)


def _error_rows(errors: StageErrors) -> DataFrame:
    parsed = F.from_json("error", "msg string, stackTrace string, dynamicRecord string")
    fields = [parsed.getField(name).alias(name) for name in ("msg", "stackTrace", "dynamicRecord")]
    where = [F.lit(errors.site).alias("transformation_ctx"), F.lit(errors.info).alias("info")]
    return errors.found.select(F.struct(*fields, *where).alias("error"))
