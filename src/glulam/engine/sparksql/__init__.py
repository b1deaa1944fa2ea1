"""Spark's SQL for DuckDB, in parts; the door is `glulam.engine.dialect`."""
