"""The echo server, made of the bridge's own listener, HTTP and WebSocket files, spoken to by a WebSocket library that
is not ours (python3-websockets).
"""

import asyncio
import subprocess

import pytest
import websockets

from stack import BIN


@pytest.fixture(scope="module")
def url():
    command = [BIN / "echo-server", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        yield f"ws://{server.stdout.readline().strip()}/echo"
        server.kill()


def run(url, steps, **options):
    async def main():
        async with websockets.connect(url, **options) as client:
            return await steps(client)

    return asyncio.run(asyncio.wait_for(main(), 30))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536])
@pytest.mark.parametrize("make", [lambda size: "x" * size, lambda size: b"\xff" * size], ids=["text", "binary"])
def test_messages_of_every_length_come_back(url, size, make):
    async def steps(client):
        await client.send(make(size))
        return await client.recv()

    assert run(url, steps) == make(size)


def test_a_fragmented_message_comes_back_whole(url):
    async def steps(client):
        await client.send(["grü", "ße ", "€ ", "\U0001f600"])
        return await client.recv()

    assert run(url, steps) == "grüße € \U0001f600"


def test_many_messages_come_back_in_order(url):
    async def steps(client):
        for i in range(2000):
            await client.send(str(i))
        return [await client.recv() for _ in range(2000)]

    assert run(url, steps) == [str(i) for i in range(2000)]


def test_pings_are_answered(url):
    async def steps(client):
        for _ in range(5):
            await asyncio.wait_for(await client.ping(), 10)

    run(url, steps)


def test_a_close_is_answered_with_its_code_and_reason(url):
    async def steps(client):
        await client.close(4001, "enough")
        return client.close_code, client.close_reason

    assert run(url, steps) == (4001, "enough")


def test_the_server_closes_what_is_too_big_with_1009(url):
    async def steps(client):
        await client.send("x" * 65537)
        with pytest.raises(websockets.ConnectionClosed):
            await client.recv()
        return client.close_code

    assert run(url, steps) == 1009


def test_compression_is_declined_and_our_subprotocol_chosen(url):
    async def steps(client):
        return client.extensions, client.subprotocol

    assert run(url, steps, compression="deflate", subprotocols=["other", "spanwire.v1"]) == ([], "spanwire.v1")


def test_a_foreign_origin_is_refused(url):
    with pytest.raises(websockets.InvalidStatusCode) as refused:
        run(url, lambda client: None, origin="http://evil.example")
    assert refused.value.status_code == 403
