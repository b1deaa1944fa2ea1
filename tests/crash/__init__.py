"""Kills the pipeline's process at every named point and looks, from outside, whether a record was lost or doubled."""
