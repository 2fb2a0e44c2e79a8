"""What the paper says: scales, studies, criteria, panels, verdicts and published values.

Pydantic and the standard library alone. Above what a run is; only this, the catalogue and networks
name the paper's models, randomizations and figures.
"""
