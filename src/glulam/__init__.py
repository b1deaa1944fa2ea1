"""Glulam: an open, self-hosted ETL platform that speaks AWS Glue's API."""

__version__ = "0.1.0"
