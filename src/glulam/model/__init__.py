"""Leaf values shared by every room: errors, states, URIs, ids, clock. Imports nothing of ours."""
