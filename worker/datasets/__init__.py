"""Getting a dataset, verifying it, and sharing it memory-mapped between processes."""
