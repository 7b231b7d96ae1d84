// What a subscription gets, and what the server is asked for it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { before, compare } from '../../../../clients/js/src/position.js';
import { World, online, server, settled } from './world.mjs';

test('positions compare as pairs of numbers', () => {
  const sorted = ['2-1', '10-9', '10-10', '9007199254740990-1', '9007199254740991-0'];
  assert.deepEqual([...sorted].reverse().sort(compare), sorted);
  assert.equal(compare('1-1', '1-1'), 0);
  assert.equal(before({ id: '5-7' }), '5-6');
  assert.equal(before({ id: '5-1', prev: '4-9' }), '4-9');
});

test('gets each event once, in order; repeats are dropped, transient ones pass', async () => {
  const world = new World();
  const { seen, bridge, subscription } = await online(world, { position: '1-5' });
  for (const id of ['1-5', '1-6', '1-6', undefined, '1-4', '1-7']) await bridge.event(id);
  await bridge.event('1-9', { prev: '1-7' });
  await bridge.event('2-1', { prev: '1-9' });
  assert.deepEqual(seen, ['1-6', undefined, '1-7', '1-9', '2-1']);
  assert.equal(subscription.position, '2-1');
});

test('frames that are not understood change nothing', async () => {
  const world = new World();
  const { seen, gaps, bridge, client } = await online(world, { position: '5-10' });
  for (const frame of [[], 7, {}, { type: 7 }, { type: '$news' }, { type: '$news', channel: 'c' }, { type: 'x', channel: 'else' }]) {
    await bridge.say(frame);
  }
  await bridge.event('soon');
  await bridge.say({ type: '__proto__', channel: 'c', id: '5-11', session_id: {}, data: 3 });
  await bridge.event('5-12');
  assert.deepEqual(seen, ['5-11', '5-12']);
  assert.deepEqual(gaps, []);
  assert.equal(client.state, 'online');
});

test('resumes after what it has seen, not after what it asked for at first', async () => {
  const world = new World();
  const { seen, bridge } = await online(world, { start: { last: 3 }, position: '1-2' });
  assert.equal(bridge.asked().last, 3);
  await bridge.event('1-3');
  await bridge.say({ type: '$position', channel: 'c', position: '1-8' });
  await bridge.close();
  await world.pass(250);
  const second = server(world);
  await second.hello();
  assert.deepEqual(second.asked(), { cmd: 'subscribe', id: 2, channel: 'c', after: '1-8' });
  await second.subscribed('1-8', null);
  await second.event('1-9');
  await second.say({ type: '$live', channel: 'c', position: '1-9' });
  await second.event('1-9');
  await second.event('1-10');
  assert.deepEqual(seen, ['1-3', '1-9', '1-10']);
});

test('a gap is told with its bounds, and moves the position, downwards too', async () => {
  const world = new World();
  const { seen, gaps, bridge, subscription } = await online(world, { position: '1-5' });
  await bridge.say({ type: '$gap', channel: 'c', after: '1-5', position: '1-9', reason: 'trimmed' });
  await bridge.event('1-10');
  await bridge.say({ type: '$gap', channel: 'c', after: '1-10', position: '1-8', reason: 'rollback' });
  assert.equal(subscription.position, '1-8');
  await bridge.event('2-1', { prev: '1-8' });
  assert.deepEqual(seen, ['1-10', '2-1']);
  assert.deepEqual(gaps, [
    { channel: 'c', after: '1-5', position: '1-9', reason: 'trimmed' },
    { channel: 'c', after: '1-10', position: '1-8', reason: 'rollback' },
  ]);
});

test('copies appended again after a failover are dropped if they were seen', async () => {
  const world = new World();
  const { seen, bridge } = await online(world, { position: '1-5' });
  await bridge.event('1-6');
  await bridge.event('1-7');
  await bridge.say({ type: '$gap', channel: 'c', after: '1-7', position: '1-5', reason: 'rollback' });
  await bridge.event('2-1', { prev: '1-5', was: '1-6' });
  await bridge.event('2-2', { was: '1-7' });
  await bridge.event('2-3', { was: '1-8' });
  await bridge.event('2-4');
  assert.deepEqual(seen, ['1-6', '1-7', '2-3', '2-4']);
});

test('copies that are lost and appended once more are shown once, whatever their order', async () => {
  const world = new World();
  const { seen, bridge } = await online(world, { position: '1-5' });
  await bridge.say({ type: '$gap', channel: 'c', after: '1-5', position: '1-5', reason: 'rollback' });
  await bridge.event('2-1', { prev: '1-5', was: '1-8' });
  await bridge.event('2-2', { was: '1-6' });
  await bridge.say({ type: '$gap', channel: 'c', after: '2-2', position: '1-5', reason: 'rollback' });
  await bridge.event('3-1', { prev: '1-5', was: '1-6' });
  await bridge.event('3-2', { was: '1-7' });
  await bridge.event('3-3', { was: '1-8' });
  assert.deepEqual(seen, ['2-1', '2-2', '3-2']);
});

test('events that the server skips are asked for; if it has none, it is a gap', async () => {
  const world = new World();
  const { seen, gaps, bridge } = await online(world, { position: '1-5' });
  await bridge.event('1-8');
  assert.deepEqual(bridge.socket.sent.slice(-2).map(({ cmd, after }) => [cmd, after]),
    [['unsubscribe', undefined], ['subscribe', '1-5']]);
  await bridge.event('1-9'); // still of the old subscription
  await bridge.subscribed('1-5', null);
  assert.deepEqual(seen, []);
  await bridge.event('1-8');
  assert.deepEqual(seen, ['1-8']);
  assert.deepEqual(gaps, [{ channel: 'c', after: '1-5', position: '1-7', reason: 'unannounced' }]);
});

test('subscriptions of one channel share one at the server until the last is closed', async () => {
  const world = new World();
  const { client, seen, bridge, subscription } = await online(world);
  const other = [];
  const second = client.subscribe('c', { onEvent: ({ id }) => other.push(id) });
  await settled();
  assert.equal(bridge.socket.sent.length, 1);
  assert.ok(second.live);
  await bridge.event('1-1');
  subscription.close();
  subscription.close();
  await settled();
  assert.equal(bridge.socket.sent.length, 1);
  await bridge.event('1-2');
  second.close();
  await settled();
  assert.deepEqual(bridge.asked(), { cmd: 'unsubscribe', id: 2, channel: 'c' });
  await bridge.event('1-3');
  assert.deepEqual([seen, other], [['1-1'], ['1-1', '1-2']]);
});

test('closed and opened again at once: the server hears nothing', async () => {
  const world = new World();
  const { client, bridge, subscription } = await online(world);
  subscription.close();
  client.subscribe('c');
  await settled();
  assert.equal(bridge.socket.sent.length, 1);
});

test('one that joins with a wish for the past gets it; the others get nothing twice', async () => {
  const world = new World();
  const { client, seen, bridge } = await online(world, { position: '1-5' });
  await bridge.event('1-6');
  const other = [];
  client.subscribe('c', { last: 4, onEvent: ({ id }) => other.push(id) });
  await settled();
  assert.deepEqual(bridge.socket.sent.slice(-2).map(({ cmd, last }) => [cmd, last]),
    [['unsubscribe', undefined], ['subscribe', 4]]);
  await bridge.subscribed('1-2', null);
  for (const id of ['1-3', '1-4', '1-5', '1-6']) await bridge.event(id);
  await bridge.say({ type: '$live', channel: 'c', position: '1-6' });
  await bridge.event('1-7');
  assert.deepEqual(seen, ['1-6', '1-7']);
  assert.deepEqual(other, ['1-3', '1-4', '1-5', '1-6', '1-7']);
});

test('a late joiner\'s short past does not hide from others what they missed', async () => {
  const world = new World();
  const { client, seen, gaps, bridge } = await online(world, { position: '1-5' });
  const other = [];
  client.subscribe('c', { last: 1, onEvent: ({ id }) => other.push(id) });
  await settled();
  await bridge.subscribed('1-8', null); // 1-6 to 1-8 came between unsubscribe and subscribe
  await bridge.event('1-9');
  await bridge.say({ type: '$live', channel: 'c', position: '1-9' });
  assert.equal(bridge.asked().after, '1-5');
  await bridge.subscribed('1-5', null);
  for (const id of ['1-6', '1-7', '1-8', '1-9']) await bridge.event(id);
  assert.deepEqual([seen, other, gaps], [['1-6', '1-7', '1-8', '1-9'], ['1-9'], []]);
});

test('joining after a position', async () => {
  const world = new World();
  const { client, seen, bridge } = await online(world, { position: '1-5' });
  const other = [];
  client.subscribe('c', { after: '1-3', onEvent: ({ id }) => other.push(id) });
  await settled();
  assert.equal(bridge.asked().after, '1-3');
  await bridge.subscribed('1-3', null);
  for (const id of ['1-4', '1-5']) await bridge.event(id);
  await bridge.say({ type: '$live', channel: 'c', position: '1-5' });
  await bridge.event('1-6');
  assert.deepEqual([seen, other], [['1-6'], ['1-4', '1-5', '1-6']]);
});

test('types: the server is asked for all that is wanted, each gets its own', async () => {
  const world = new World();
  const { client, seen, bridge } = await online(world, { position: '1-0', start: { types: ['test_*'] } });
  assert.deepEqual(bridge.asked().types, ['test_*']);
  await bridge.event('1-2', { prev: '1-0', type: 'test_result' });
  const other = [];
  client.subscribe('c', { types: ['log_line'], onEvent: ({ id }) => other.push(id) });
  await settled();
  assert.deepEqual(bridge.asked().types, ['test_*', 'log_line']);
  assert.equal(bridge.asked().after, '1-2');
  await bridge.event('1-5', { prev: '1-2', type: 'test_result' }); // of the old view: log lines lie between
  await bridge.subscribed('1-2', null);
  await bridge.event('1-4', { prev: '1-2' });
  await bridge.event('1-5', { type: 'test_result' });
  await bridge.event('1-6', { type: 'log_lines' });
  assert.deepEqual([seen, other], [['1-2', '1-5'], ['1-4']]);
});

test('a subscription that is refused ends, others go on', async () => {
  const world = new World();
  const { client, seen, bridge } = await online(world);
  const errors = [];
  const bad = client.subscribe('bad', { onError: ({ code, retry }) => errors.push([code, retry]) });
  await settled();
  await bridge.say({ type: '$error', id: bridge.asked().id, channel: 'bad', code: 'permission_denied', retry: false });
  await bridge.event('1-1');
  assert.deepEqual(errors, [['permission_denied', false]]);
  assert.deepEqual(seen, ['1-1']);
  await assert.rejects(bad[Symbol.asyncIterator]().next(), { code: 'permission_denied' });
});

test('an iterator gets what came before it asked; leaving the loop closes', async () => {
  const world = new World();
  const client = world.connect();
  const subscription = client.subscribe('c');
  await settled();
  const bridge = server(world);
  await bridge.hello();
  await bridge.subscribed('1-0');
  await bridge.event('1-1');
  const got = [];
  const loop = (async () => {
    for await (const { id } of subscription) if (got.push(id) === 3) break;
  })();
  await bridge.event('1-2');
  await bridge.event('1-3');
  await loop;
  await settled();
  assert.deepEqual(got, ['1-1', '1-2', '1-3']);
  assert.equal(bridge.asked().cmd, 'unsubscribe');
});

test('an iterator that is too slow is refilled from the log, without a hole', async () => {
  const world = new World();
  const { client, bridge, seen } = await online(world);
  const slow = client.subscribe('c');
  await settled();
  const event = (n) => bridge.socket.onmessage({ data: `{"type":"t","channel":"c","id":"1-${n}"}` });
  for (let i = 1; i <= 1500; i += 1) event(i);
  const got = [];
  (async () => { for await (const { id } of slow) got.push(id); })();
  await settled();
  assert.equal(got.length, 1000);
  assert.equal(bridge.asked().after, '1-1000');
  await bridge.subscribed('1-1000', null);
  for (let i = 1001; i <= 1500; i += 1) event(i);
  await settled();
  const all = Array.from({ length: 1500 }, (_, i) => `1-${i + 1}`);
  assert.deepEqual(got, all);
  assert.deepEqual(seen, all);
});

test('close ends iterators, and nothing comes any more', async () => {
  const world = new World();
  const { client, bridge, seen } = await online(world);
  const loop = client.subscribe('c')[Symbol.asyncIterator]().next();
  client.close();
  assert.deepEqual(await loop, { value: undefined, done: true });
  assert.ok(bridge.socket.closed);
  await bridge.event('1-1');
  assert.deepEqual(seen, []);
});

test('a listener that throws stops nothing', async () => {
  const world = new World();
  const client = world.connect();
  const thrown = [];
  const keep = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => thrown.push(error.message));
  const seen = [];
  client.subscribe('c', { onEvent: ({ id }) => {
    seen.push(id);
    throw new Error(id);
  } });
  await settled();
  const bridge = server(world);
  await bridge.hello();
  await bridge.subscribed('1-0');
  await bridge.event('1-1');
  await bridge.event('1-2');
  process.removeAllListeners('uncaughtException');
  keep.forEach((listener) => process.on('uncaughtException', listener));
  assert.deepEqual([seen, thrown], [['1-1', '1-2'], ['1-1', '1-2']]);
});

test('a reload goes on where the page was; who says where to begin begins there', async () => {
  const world = new World();
  world.items.set('spanwire:http://bridge.test', '{"c":"1-7","d":"1-9"}');
  const client = world.connect();
  client.subscribe('c');
  client.subscribe('d', { last: 10 });
  await settled();
  await server(world).hello();
  assert.deepEqual(server(world).socket.sent, [
    { cmd: 'subscribe', id: 1, channel: 'c', after: '1-7' },
    { cmd: 'subscribe', id: 2, channel: 'd', last: 10 },
  ]);
  world.items.set('spanwire:http://bridge.test', 'rubbish');
  assert.equal(world.connect().state, 'idle');
  assert.equal(world.connect({ storage: null }).state, 'idle');
});

// Without a WebSocket the channels stand in the URL.

const streaming = async (world) => {
  const stream = world.request.stream();
  await settled();
  const say = async (frame) => {
    stream.frame(frame);
    await settled();
  };
  await say({ type: '$hello', ping_ms: 25000 });
  return { ...stream, say };
};

test('server-sent events: channels and cursor in the URL, and another request when they change', async () => {
  const world = new World();
  const client = world.connect({ transports: ['sse', 'poll'] });
  const seen = [];
  client.subscribe('c', { last: 2, onEvent: ({ id }) => seen.push(id) });
  client.subscribe('d', { onEvent: ({ id }) => seen.push(`d${id}`) });
  await settled();
  // What begins elsewhere waits: a URL has one beginning.
  assert.equal(world.request.url.search, '?channel=c&cursor=-&last=2');
  const first = await streaming(world);
  await first.say({ type: '$subscribed', channel: 'c', position: '1-1' });
  first.raw('id: 1-2\ndata: {"type":"t","channel":"c",');
  await settled();
  first.raw('"id":"1-2"}\n\n:\n\n');
  await first.say({ type: '$live', channel: 'c', position: '1-2' });
  assert.deepEqual(seen, ['1-2']);
  assert.equal(world.request.url.search, '?channel=c&channel=d&cursor=1-2%2C-');
  await first.say({ type: 't', channel: 'c', id: '1-3' }); // while the other one opens
  const second = await streaming(world);
  assert.ok(world.requests[0].aborted);
  await second.say({ type: '$subscribed', channel: 'c', position: '1-2' });
  await second.say({ type: '$subscribed', channel: 'd', position: '7-7' });
  await second.say({ type: 't', channel: 'c', id: '1-3' });
  await second.say({ type: 't', channel: 'c', id: '1-4' });
  await second.say({ type: '$live', channel: 'c', position: '1-4' });
  await second.say({ type: '$live', channel: 'd', position: '7-7' });
  await second.say({ type: 't', channel: 'd', id: '7-8' });
  assert.deepEqual(seen, ['1-2', '1-3', '1-4', 'd7-8']);
  assert.equal(world.requests.length, 2);
  await second.say({ type: '$drain', after_ms: 1234 });
  second.end();
  await world.pass(1233);
  assert.equal(client.state, 'offline');
  await world.pass(1);
  assert.equal(world.request.url.search, '?channel=c&channel=d&cursor=1-4%2C7-8');
});

test('more than 32 channels: the rest waits, and nothing spins', async () => {
  const world = new World();
  const client = world.connect({ transports: ['sse'] });
  for (let i = 0; i < 40; i += 1) client.subscribe(`c${i}`);
  await settled();
  assert.equal(world.request.url.searchParams.getAll('channel').length, 32);
  const stream = await streaming(world);
  for (let i = 0; i < 32; i += 1) {
    await stream.say({ type: '$subscribed', channel: `c${i}`, position: '1-0' });
    await stream.say({ type: '$live', channel: `c${i}`, position: '1-0' });
  }
  assert.equal(world.requests.length, 1);
});

test('polling: answers, nothing new, losses', async () => {
  const world = new World();
  const client = world.connect({ transports: ['poll'] });
  const seen = [];
  const gaps = [];
  client.subscribe('c', { onEvent: ({ id }) => seen.push(id), onGap: (gap) => gaps.push(gap) });
  await settled();
  assert.equal(world.request.url.search, '?channel=c&cursor=-&wait=1');
  world.request.answer(200, { events: [], cursor: '1-5' });
  await settled();
  assert.equal(client.state, 'online');
  world.request.answer(204);
  await settled();
  assert.equal(world.request.url.search, '?channel=c&cursor=1-5&wait=25');
  world.request.answer(200, { events: [{ type: 't', channel: 'c', id: '1-6' }], cursor: '1-6' });
  await settled();
  const lost = [{ channel: 'c', after: '1-6', position: '1-9', reason: 'trimmed' }];
  world.request.answer(410, { type: '$error', code: 'data_loss', retry: false, lost, cursor: '1-9' });
  await settled();
  assert.deepEqual(gaps, lost);
  assert.equal(world.request.url.search, '?channel=c&cursor=1-9&wait=25');
  world.request.answer(503, { type: '$error', code: 'unavailable', retry: true, after_ms: 500 });
  await world.pass(500);
  assert.equal(world.request.url.search, '?channel=c&cursor=1-9&wait=1');
  assert.deepEqual(seen, ['1-6']);
});

test('polling: live is who was given all, not who was given as much as an answer takes', async () => {
  const world = new World();
  const client = world.connect({ transports: ['poll'] });
  let live = 0;
  client.subscribe('c', { from: 'start', onLive: () => { live += 1; } });
  await settled();
  const event = (id) => ({ type: 't', channel: 'c', id });
  world.request.answer(200, { events: [event('1-1'), event('1-2')], cursor: '1-2', more: true });
  await settled();
  assert.equal(live, 0);
  assert.equal(world.request.url.search, '?channel=c&cursor=1-2&wait=25');
  world.request.answer(200, { events: [event('1-3')], cursor: '1-3' });
  await settled();
  assert.equal(live, 1);
});

test('without a WebSocket, too, what is wrong with one channel ends that one', async () => {
  const world = new World();
  const client = world.connect({ transports: ['sse'] });
  const errors = [];
  client.subscribe('c');
  client.subscribe('oops', { onError: ({ code }) => errors.push(code) });
  await settled();
  world.request.answer(400, { type: '$error', channel: 'oops', code: 'invalid_argument', message: 'no', retry: false });
  await settled();
  assert.deepEqual(errors, ['invalid_argument']);
  assert.equal(world.request.url.search, '?channel=c&cursor=-');
  await streaming(world);
  assert.equal(client.state, 'online');
});

test('a position outlives two reloads, though the page between did not follow its channel yet', async () => {
  const world = new World();
  world.items.set('spanwire:http://bridge.test', '{"c":"1-7","d":"1-9"}');
  world.connect().subscribe('c');
  await settled();
  await world.happen('pagehide');
  assert.deepEqual(JSON.parse(world.items.get('spanwire:http://bridge.test')), { c: '1-7', d: '1-9' });
});

test('a URL that is too long for the server is an end, not a loop', async () => {
  const world = new World();
  const client = world.connect({ transports: ['sse'] });
  client.subscribe('c');
  await settled();
  world.request.answer(414, { type: '$error', code: 'out_of_range', message: 'too long', retry: false });
  await settled();
  assert.equal(client.state, 'failed');
  assert.equal(client.error.message, 'too long');
});
