"""Training: the Celery worker that supervises, the trainer child that computes."""
