"""Faults that are no clean death: stalls, cut connections, overwritten files, full disks, failing object stores."""
