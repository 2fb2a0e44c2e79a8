# The API and the page. No torch: an API host computes nothing.
#   docker build --file docker/api.Dockerfile --tag rethink-api .
FROM python:3.12-slim-bookworm

RUN useradd --uid 10001 --create-home rethink \
    && install --directory --owner rethink --mode 700 /data

WORKDIR /app

# Dependencies first, so that a change of the code does not install them again. The lock is a
# constraint here: it pins what `api` needs and adds nothing that only workers need.
COPY pyproject.toml requirements.txt docker/requirements_of.py ./
RUN python requirements_of.py api > wanted.txt \
    && pip install --no-cache-dir --constraint requirements.txt --requirement wanted.txt setuptools

COPY README.md LICENSE alembic.ini ./
COPY alembic alembic
COPY frontend frontend
COPY core core
COPY backend backend
COPY rethink rethink
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .

USER rethink
ENV RETHINK_HOME=/data RETHINK_HOST=0.0.0.0 RETHINK_PORT=8000 PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8000
CMD ["rethink", "api"]
