"""Before and after: which runs can be compared, what changed, and how it is shown."""
