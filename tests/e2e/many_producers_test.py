"""Ten thousand producers on one channel: they share calls of Redis, each event is there once, the broker's memory is
bounded."""

import asyncio
import contextlib
from collections import Counter

import grpc

from raw_agent import batch_frame, event, open_frame
from spanwire.v1 import event_pb2, publisher_pb2
from stack import FULL, Stack, wait_until

PRODUCERS = 10_000 if FULL else 2_000
CONNECTIONS = 20
LOG = "webgui:log:{webgui:session:s}"
ROOM = {"SPANWIRE_LOG_MAX_EVENTS": "20000", "SPANWIRE_APPEND_DEADLINE": "60s"}


async def open_stream(channel: grpc.aio.Channel, number: int) -> grpc.aio.StreamStreamCall:
    call = channel.stream_stream(
        "/spanwire.v1.PublisherService/PublishStream",
        response_deserializer=publisher_pb2.PublishStreamResponse.FromString)(timeout=120)
    await call.write(open_frame(f"producer{number}"))
    assert (await call.read()).opened.producer_epoch
    return call


async def acked(call: grpc.aio.StreamStreamCall) -> int:
    while not (frame := await call.read()).HasField("ack"):
        pass  # a Flow
    await call.done_writing()
    assert await call.read() == grpc.aio.EOF and await call.code() == grpc.StatusCode.OK
    return frame.ack.sequence


async def publish_all(stack: Stack) -> list[int]:
    """Opens all streams, sends one event on each, and returns the sequences that are acknowledged."""
    async with contextlib.AsyncExitStack() as exits:
        options = [("grpc.use_local_subchannel_pool", 1)]
        channels = [await exits.enter_async_context(grpc.aio.insecure_channel(stack.broker_target, options=options))
                    for _ in range(CONNECTIONS)]
        calls = await asyncio.gather(*[open_stream(channels[number % CONNECTIONS], number)
                                       for number in range(PRODUCERS)])
        # Redis takes the channel only when everything is there: otherwise this machine would measure its client.
        stack.redis("SET", LOG, "no stream")
        await asyncio.gather(*[call.write(batch_frame(1, event(f"{number}"))) for number, call in enumerate(calls)])
        wait_until(lambda: stack.broker.metric("spanwire_broker_events_received_total") == PRODUCERS, "all are sent")
        stack.redis("DEL", LOG)
        return list(await asyncio.gather(*[acked(call) for call in calls]))


def test_many_producers_of_one_channel_share_calls(bare_stack: Stack) -> None:
    stack = bare_stack
    stack.start_redis()
    broker = stack.start_broker(ROOM)
    idle = broker.resident_bytes()
    assert asyncio.run(publish_all(stack)) == [1] * PRODUCERS
    rows = stack.redis("XRANGE", LOG, "-", "+")
    texts = Counter(event_pb2.Event.FromString(fields[fields.index(b"e") + 1]).log_line.text for _, fields in rows)
    assert texts == {f"{number}": 1 for number in range(PRODUCERS)}
    wait_until(lambda: broker.metric("spanwire_broker_appended_total") == PRODUCERS, "counted")
    calls = broker.metric("spanwire_broker_append_calls_total") - broker.metric("spanwire_broker_append_refusals_total")
    peak = broker.resident_bytes("VmHWM") - idle
    print(f"{PRODUCERS} producers: {calls:.0f} calls, {peak >> 20} MiB more than idle")
    assert calls < PRODUCERS / 50  # of 128 events each
    assert peak < PRODUCERS * 49_152
