"""Where DynamicFrames come from: files, the catalog, databases."""
