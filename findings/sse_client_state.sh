#!/usr/bin/env bash
# Two SSE clients, one stream, three readings; only a browser resumes right from all of it.
#
# Guess:    a client for Server-Sent Events does as EventSource does: an event without data is not
#           dispatched, the last id stays in force for later events, an event cut off at the end is lost.
# Happens:  httpx-sse hands on events without data, so a heartbeat `event: ping` or a bare `id: 5` becomes
#           an event whose .json() raises. sseclient-py forgets the id after the event that carried it
#           (and takes none from an event without data), so the `id` of the last event read is None
#           and nothing is replayed on reconnecting; and it hands on the half event at the end of a
#           broken connection.
# Version:  httpx-sse 0.4.3, sseclient-py 1.9.0; 2026-11-28.
# Source:   HTML standard, section "Interpreting an event stream" (last event ID buffer; data buffer empty:
#           return; block incomplete at the end: discard); httpx_sse/_decoders.py; sseclient/__init__.py.
# Follows:  as a server, send heartbeats as comments or with data (`data: {}`), and the id with every event
#           that matters; as a user of these clients, skip events without data and keep the last id.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check httpx==0.28.1 httpx-sse==0.4.3 \
    sseclient-py==1.9.0

venv/bin/python - <<'PYTHON'
from importlib.metadata import version

import httpx
import sseclient
from httpx_sse import connect_sse

STREAM = b"id: 5\ndata: one\n\nevent: ping\n\nid: 6\n\ndata: two\n\nid: 7\ndata: half an ev"
EXPECTED = [("message", "one", "5"), ("message", "two", "6")]

reply = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=STREAM)
with (
    httpx.Client(transport=httpx.MockTransport(lambda request: reply)) as client,
    connect_sse(client, "GET", "http://stream") as source,
):
    first = [(e.event, e.data, e.id) for e in source.iter_sse()]
second = [(e.event, e.data, e.id) for e in sseclient.SSEClient(iter([STREAM])).events()]

print(f"expected (as EventSource): {EXPECTED}")
print(f"httpx-sse {version('httpx-sse')}:     {first}")
print(f"sseclient-py {version('sseclient-py')}:  {second}")
held = first == [EXPECTED[0], ("ping", "", "5"), ("message", "", "6"), EXPECTED[1]]
held &= second == [EXPECTED[0], ("message", "two", None), ("message", "half an ev", "7")]
raise SystemExit(0 if held else "no longer as stated")
PYTHON
