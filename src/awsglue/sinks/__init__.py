"""Where DynamicFrames go to: files, catalog tables, databases."""
