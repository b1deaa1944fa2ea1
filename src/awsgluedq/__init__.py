"""Data quality for job scripts, as `awsgluedq.transforms`."""
