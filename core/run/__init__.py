"""What a run is: its spec and identities, how far it should go, its life, its metrics.

Pydantic and the standard library alone. Knows the catalogue, and nothing of the paper's figures.
"""
