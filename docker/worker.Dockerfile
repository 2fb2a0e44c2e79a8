# A worker: torch with its CUDA libraries, for CPU and NVIDIA GPU alike. About 6 GB.
#   docker build --file docker/worker.Dockerfile --tag rethink-worker .
FROM python:3.12-slim-bookworm

RUN useradd --uid 10001 --create-home rethink \
    && install --directory --owner rethink --mode 700 /data

# Numba's OpenMP layer looks for the system's; without it an MLP's step on a CPU is slower.
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app

COPY pyproject.toml requirements.txt docker/requirements_of.py ./
RUN python requirements_of.py worker > wanted.txt \
    && pip install --no-cache-dir --constraint requirements.txt --requirement wanted.txt setuptools

COPY README.md LICENSE alembic.ini ./
COPY alembic alembic
COPY core core
COPY worker worker
COPY rethink rethink
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .

USER rethink
ENV RETHINK_HOME=/data PYTHONUNBUFFERED=1
VOLUME /data
CMD ["rethink", "worker"]
