"""The HTTP API and the page. Never imports torch or the worker: it enqueues by task name."""
