"""Specs, life cycle, metrics and errors as plain data: pydantic and the standard library only."""
