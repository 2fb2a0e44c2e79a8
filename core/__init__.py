"""What a run is: the ground floor shared by the API, the workers and the command line.

Imports neither FastAPI, Celery nor torch.
"""

__version__ = "0.1.0"
