"""Reads server-sent events with the package sseclient-py: foreign_sse.py URL [LAST_EVENT_ID]. Prints each as JSON."""

import json
import sys
import urllib.request

import sseclient  # type: ignore[import-not-found]  # in build/venv

request = urllib.request.Request(sys.argv[1], headers={"Accept": "text/event-stream"})
if len(sys.argv) > 2:
    request.add_header("Last-Event-ID", sys.argv[2])
with urllib.request.urlopen(request) as answer:
    for event in sseclient.SSEClient(answer).events():
        print(json.dumps({"event": event.event, "id": event.id, "data": event.data}), flush=True)
