"""Hostile raw files as data: what goes in, and what docs/json-contract.md says must come out."""
