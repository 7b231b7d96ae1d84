"""Spanwire's Python client: publish typed events to a broker.

    import spanwire

    with spanwire.Publisher("127.0.0.1:7400", agent="ui-tester") as publisher:
        publisher.publish(session_id="s1", task_progress=dict(task_id="t1", progress=45))

The generated messages are in ``spanwire.v1``: ``from spanwire.v1 import event_pb2``.
"""

from pkgutil import extend_path

# The generated half of the package (spanwire.v1) may lie in a folder of its own, as in a build tree.
__path__ = extend_path(__path__, __name__)

from spanwire.v1.event_pb2 import Event
from spanwire.v1.publisher_pb2 import Nack

from ._session import AckLevel, Counters, State
from .publisher import Forked, Publisher, QueueFull, Stopped

__all__ = ["AckLevel", "Counters", "Event", "Forked", "Nack", "Publisher", "QueueFull", "State", "Stopped"]
