"""What the layout script of a blueprint describes a workflow with: `workflow`, `job`, `crawler`."""
