// Which transport is tried when: states, backoff, hints, fallback, climbing, tokens, the page's events.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { connect } from '../../../../clients/js/src/index.js';
import { World, online, server, settled } from './world.mjs';

const states = (client) => {
  const all = [client.state];
  client.on('state', (state) => all.push(state));
  return all;
};

test('connects with the first subscription, not before', async () => {
  const world = new World();
  const client = world.connect();
  const all = states(client);
  await world.pass(60_000);
  assert.equal(world.sockets.length, 0);
  client.subscribe('c');
  await settled();
  assert.equal(world.socket.url, 'ws://bridge.test/v1/ws');
  assert.deepEqual(world.socket.protocols, ['spanwire.v1']);
  await server(world).hello();
  assert.deepEqual(all, ['idle', 'connecting', 'online']);
  assert.equal(client.transport, 'ws');
});

test('a relative address is the page\'s', async () => {
  const world = new World();
  connect('/', { global: world }).subscribe('c');
  await settled();
  assert.equal(world.socket.url, 'ws://page.test/v1/ws');
});

test('the wait after a loss is random below a bound that doubles from 250 ms to 20 s', async () => {
  for (const random of [0, 0.5, 0.999]) {
    const world = new World({ random });
    const client = world.connect({ transports: ['ws'] });
    client.subscribe('c');
    const waits = [];
    for (let i = 0; i < 10; i += 1) {
      await settled();
      await server(world).close();
      assert.equal(client.state, 'offline');
      const before = world.time;
      const [{ at }] = world.timers.values();
      waits.push(at - before);
      await world.pass(at - before);
    }
    const bounds = [250, 500, 1000, 2000, 4000, 8000, 16000, 20000, 20000, 20000];
    assert.deepEqual(waits.map(Math.round), bounds.map((ms) => Math.round(random * ms)));
  }
});

test('a connection that held ends the backoff, one that did not does not', async () => {
  const world = new World({ random: 0.999 });
  const { bridge } = await online(world);
  await bridge.close();
  await world.pass(250);
  const second = server(world);
  await second.hello();
  await second.close();
  const [{ at }] = world.timers.values();
  assert.ok(at - world.time > 250);
  await world.pass(500);
  const third = server(world);
  await third.hello();
  await world.pass(5001);
  await third.close();
  assert.ok([...world.timers.values()][0].at - world.time < 250);
});

test('the server says when to come back', async () => {
  const world = new World();
  const { client, bridge } = await online(world);
  await bridge.close({ code: 'unavailable', reconnect: true, after_ms: 3991 });
  await world.pass(3990);
  assert.equal(world.sockets.length, 1);
  assert.equal(client.state, 'offline');
  await world.pass(1);
  assert.equal(world.sockets.length, 2);
});

test('the server says never to come back', async () => {
  const world = new World();
  const errors = [];
  const client = world.connect();
  client.subscribe('c', { onError: (error) => errors.push(error.code) });
  await settled();
  await server(world).hello();
  await server(world).close({ code: 'permission_denied', reconnect: false });
  await world.pass(100_000);
  assert.equal(client.state, 'failed');
  assert.equal(client.error.code, 'permission_denied');
  assert.deepEqual(errors, ['permission_denied']);
  assert.equal(world.sockets.length, 1);
  assert.throws(() => client.subscribe('d'), { code: 'permission_denied' });
});

test('close codes from 3500 to 3999 mean never, with or without a reason', async () => {
  for (const [code, reason, state] of [
    [3507, { code: 'permission_denied' }, 'failed'], [3500, {}, 'failed'], [3999, {}, 'failed'],
    [3499, {}, 'offline'], [4000, {}, 'offline'], [3008, { code: 'slow', reconnect: false }, 'failed'],
  ]) {
    const world = new World();
    const { client, bridge } = await online(world);
    await bridge.close(reason, code);
    assert.equal(client.state, state, code);
    assert.equal(client.error?.code, state === 'failed' ? reason.code ?? 'unavailable' : undefined);
    await world.pass(100_000);
    assert.equal(world.sockets.length === 1, state === 'failed', code);
  }
});

test('who is told that the server goes comes back when it said', async () => {
  const world = new World();
  const { bridge } = await online(world);
  await bridge.say({ type: '$drain', after_ms: 1500 });
  await bridge.close();
  await world.pass(1499);
  assert.equal(world.sockets.length, 1);
  await world.pass(1);
  assert.equal(world.sockets.length, 2);
});

test('falls to server-sent events and to polling within 8 s where nothing answers, and climbs back', async () => {
  const world = new World();
  const client = world.connect();
  const seen = [];
  client.subscribe('c', { last: 5, onEvent: ({ id }) => seen.push(id) });
  await world.pass(3000);
  assert.equal(world.request.url.pathname, '/v1/sse');
  assert.ok(world.socket.closed);
  await world.pass(3000);
  assert.ok(world.requests[0].aborted);
  assert.equal(world.request.url.href, 'http://bridge.test/v1/poll?channel=c&cursor=-&last=5&wait=1');
  world.request.answer(200, { events: [{ type: 't', channel: 'c', id: '1-3' }], cursor: '1-3' });
  await settled();
  assert.ok(world.time <= 1_008_000);
  assert.equal(client.state, 'degraded');
  assert.equal(client.transport, 'poll');
  assert.equal(world.request.url.search, '?channel=c&cursor=1-3&wait=25');

  const { length } = world.sockets;
  await world.pass(22_500); // three quarters of 30 s, by the random number
  assert.equal(world.sockets.length, length + 1);
  assert.equal(client.state, 'degraded');
  const bridge = server(world);
  const polling = world.requests.findLast(({ url }) => url.pathname === '/v1/poll');
  await bridge.hello();
  assert.ok(polling.aborted);
  assert.equal(client.state, 'online');
  assert.deepEqual(bridge.asked(), { cmd: 'subscribe', id: 1, channel: 'c', after: '1-3' });
  await bridge.subscribed('1-3');
  await bridge.event('1-4');
  assert.deepEqual(seen, ['1-3', '1-4']);
});

test('a worse transport stays while better ones fail, and they are tried now and then', async () => {
  const world = new World({ random: 0.999 });
  const client = world.connect({ transports: ['ws', 'poll'] });
  client.subscribe('c');
  await settled();
  await server(world).close();
  world.request.answer(200, { events: [], cursor: '1-0' });
  await settled();
  assert.equal(client.state, 'degraded');
  const times = [];
  for (let i = 0; i < 400; i += 1) {
    const { length } = world.sockets;
    await world.pass(1000);
    if (world.request.url.searchParams.get('wait') === '25' && i % 20 === 19) world.request.answer(204);
    if (world.sockets.length > length) {
      times.push(i);
      await server(world).close();
    }
  }
  assert.equal(client.state, 'degraded');
  assert.ok(times.length >= 12 && times.length <= 14, `${times}`);
});

test('after a loss the transport that worked is tried first', async () => {
  const world = new World();
  const client = world.connect();
  client.subscribe('c');
  await settled();
  await server(world).close();
  const stream = world.request.stream();
  await settled();
  stream.frame({ type: '$hello', ping_ms: 25000 });
  await settled();
  assert.equal(client.transport, 'sse');
  stream.end();
  await world.pass(250);
  assert.equal(world.sockets.length, 1);
  assert.equal(world.requests.length, 2);
  assert.equal(world.request.url.pathname, '/v1/sse');
});

test('a silent connection is given up after two pings, a living one is not', async () => {
  const world = new World();
  const { client, bridge } = await online(world);
  for (let i = 0; i < 10; i += 1) {
    await world.pass(25_000);
    await bridge.say({ type: '$ping' });
  }
  assert.equal(world.sockets.length, 1);
  await world.pass(49_999);
  assert.equal(client.state, 'online');
  await world.pass(1);
  assert.equal(client.state, 'offline');
  assert.ok(bridge.socket.closed);
});

test('refusals over HTTP: of the request for good, of one channel only for that one, of the moment for later', async () => {
  const world = new World();
  const client = world.connect({ transports: ['sse'] });
  const ends = [];
  client.subscribe('bad', { onError: ({ code }) => ends.push(code) });
  client.subscribe('c');
  await settled();
  world.request.answer(403, { type: '$error', code: 'permission_denied', channel: 'bad', retry: false });
  await settled();
  assert.deepEqual(ends, ['permission_denied']);
  assert.equal(world.request.url.search, '?channel=c&cursor=-');
  world.request.answer(503, { type: '$error', code: 'unavailable', retry: true, after_ms: 2000 });
  await world.pass(1999);
  assert.equal(world.requests.length, 2);
  await world.pass(1);
  assert.equal(world.requests.length, 3);
  world.request.answer(502);
  await settled();
  assert.equal(client.state, 'offline');
  await world.pass(20_000);
  world.request.answer(403, { type: '$error', code: 'permission_denied', message: 'Origin', retry: false });
  await settled();
  assert.equal(client.state, 'failed');
  assert.equal(client.error.message, 'Origin');
});

test('when the only channel is refused, the client idles', async () => {
  const world = new World();
  const client = world.connect({ transports: ['sse'] });
  client.subscribe('bad');
  await settled();
  world.request.answer(400, { type: '$error', code: 'invalid_argument', channel: 'bad', retry: false });
  await world.pass(60_000);
  assert.equal(client.state, 'idle');
  assert.equal(world.requests.length, 1);
});

test('tokens: asked for once, again when refused or expiring; a fresh one that is refused is the end', async () => {
  const world = new World();
  let n = 0;
  const { client, bridge } = await online(world, { token: async () => `t${n += 1}` });
  assert.deepEqual(bridge.socket.protocols, ['spanwire.v1', 'bearer.t1']);
  await bridge.close();
  await world.pass(250);
  assert.deepEqual(world.socket.protocols, ['spanwire.v1', 'bearer.t1']);
  await server(world).hello();
  const old = server(world);
  await old.say({ type: '$token_expiring' });
  assert.deepEqual(world.socket.protocols, ['spanwire.v1', 'bearer.t2']);
  assert.equal(client.state, 'online');
  await server(world).hello();
  assert.ok(old.socket.closed);
  await server(world).close({ code: 'unauthenticated', reconnect: false });
  assert.equal(client.state, 'failed');

  const second = new World();
  const other = second.connect({ transports: ['sse'], token: async () => `u${n += 1}` });
  other.subscribe('c');
  await settled();
  assert.equal(second.request.headers.authorization, 'Bearer u3');
  second.request.reject(new TypeError('network'));
  await second.pass(250);
  second.request.answer(401, { type: '$error', code: 'unauthenticated', retry: false });
  await settled();
  assert.equal(second.request.headers.authorization, 'Bearer u4');
  second.request.answer(401, { type: '$error', code: 'unauthenticated', retry: false });
  await settled();
  assert.equal(other.state, 'failed');
});

test('a token that cannot be had is waited for', async () => {
  const world = new World();
  let tries = 0;
  const client = world.connect({ token: async () => {
    tries += 1;
    if (tries < 9) throw new Error('login is down');
    return 't';
  } });
  client.subscribe('c');
  await world.pass(60_000);
  assert.equal(tries, 9);
  assert.ok(world.sockets.every(({ protocols }) => protocols[1] === 'bearer.t'));
});

test('the page: hidden and shown again, offline and online, left', async () => {
  const world = new World();
  const { client, bridge } = await online(world);
  await bridge.event('1-1');
  await world.happen('pagehide');
  assert.ok(bridge.socket.closed);
  assert.equal(client.state, 'offline');
  assert.equal(world.items.get('spanwire:http://bridge.test'), '{"c":"1-1"}');
  await world.happen('pageshow');
  assert.equal(world.sockets.length, 2);
  await server(world).hello();
  assert.equal(server(world).asked().after, '1-1');

  await world.happen('offline');
  assert.equal(client.state, 'offline');
  await world.happen('online');
  assert.equal(client.state, 'connecting');
  await server(world).hello();

  await server(world).close({ after_ms: 5000 });
  world.document.hidden = true;
  await world.happen('visibilitychange');
  assert.equal(client.state, 'offline');
  world.document.hidden = false;
  await world.happen('visibilitychange');
  assert.equal(client.state, 'connecting');

  client.close();
  assert.equal(client.state, 'closed');
  assert.equal(world.items.size, 0);
  assert.ok(Object.values(world.listeners).every(({ size }) => size === 0));
  assert.equal(world.timers.size, 0);
});

test('without subscriptions a WebSocket stays, a stream does not', async () => {
  const world = new World();
  const { client, subscription, bridge } = await online(world);
  subscription.close();
  await settled();
  assert.equal(bridge.asked().cmd, 'unsubscribe');
  assert.equal(client.state, 'online');
  await bridge.close();
  assert.equal(client.state, 'idle');
  await world.pass(100_000);
  assert.equal(world.sockets.length, 1);

  const two = new World();
  const other = two.connect({ transports: ['sse'] });
  const only = other.subscribe('c');
  await settled();
  const stream = two.request.stream();
  await settled();
  stream.frame({ type: '$hello' });
  await settled();
  assert.equal(other.state, 'online');
  only.close();
  await settled();
  assert.equal(other.state, 'idle');
  assert.ok(two.request.aborted);
});

test('where there is neither WebSocket nor page', async () => {
  const world = new World({ page: false });
  world.WebSocket = undefined;
  world.connect().subscribe('c');
  await settled();
  assert.equal(world.request.url.pathname, '/v1/sse');
});

test('publish and history over HTTP', async () => {
  const world = new World();
  const client = world.connect({ token: 't' });
  const published = client.publish('c', { type: 'log_line', data: { text: 'x' } }, 'key');
  await settled();
  const { url, method, headers, body } = world.request;
  assert.equal(url.pathname, '/v1/publish');
  assert.equal(method, 'POST');
  assert.deepEqual(headers, { 'content-type': 'application/json', 'idempotency-key': 'key', authorization: 'Bearer t' });
  assert.deepEqual(JSON.parse(body), { type: 'log_line', data: { text: 'x' }, channels: ['c'] });
  world.request.answer(200, { type: '$published', positions: [{ event: 0, channel: 'c', position: '1-4' }] });
  assert.equal(await published, '1-4');

  const history = client.history('c', { after: '1-1', limit: 2 });
  await settled();
  assert.deepEqual(JSON.parse(world.request.body), { cmd: 'history', channel: 'c', after: '1-1', limit: 2 });
  world.request.answer(200, { type: '$history', events: [], more: false, position: '1-4' });
  assert.equal((await history).position, '1-4');

  const refused = client.history('x');
  await settled();
  world.request.answer(400, { type: '$error', code: 'invalid_argument', message: 'no', retry: false });
  await assert.rejects(refused, { code: 'invalid_argument', message: 'no', retry: false });
});
