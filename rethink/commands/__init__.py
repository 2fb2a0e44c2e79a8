"""What the commands of the `rethink` command line do, by subject."""
