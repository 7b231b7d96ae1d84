// A program on @spanwire/client that publishes, reads back and follows by type: NODE_PATH=… node js_commands.mjs BRIDGE TRANSPORT
// Prints one JSON object of what it was told.

import { createRequire } from 'node:module';
import { join } from 'node:path';

import { connect } from '../../clients/js/src/index.js';

const { WebSocket } = createRequire(join(process.env.NODE_PATH, 'x.js'))('ws');
const [bridge, transport] = process.argv.slice(2);
const client = connect(bridge, { WebSocket, transports: [transport] });
const channel = 'webgui:session:s0';
const told = {};

const failure = async (promise) => {
  try {
    return await promise;
  } catch ({ code, message, retry }) {
    return { code, message, retry };
  }
};

// Three subscriptions of one channel; the server is asked once, for all that they want.
told.seen = { lines: [], comments: [], all: [] };
const live = [];
const follow = (name, types) => live.push(new Promise((resolve) => {
  client.subscribe(channel, {
    types,
    onLive: resolve,
    onEvent: ({ type, data }) => told.seen[name].push(`${type} ${data.text ?? data.comment_id ?? data.name ?? ''}`.trim()),
  });
}));
follow('lines', ['log_line']);
follow('comments', ['comm*', 'typing']);
await Promise.all(live);

const line = (text) => ({ type: 'log_line', session_id: 's0', data: { text } });
told.first = await client.publish(channel, line('one'));
told.keyed = [await client.publish(channel, line('two'), 'key'), await client.publish(channel, line('two'), 'key')];
told.comment = await client.publish(channel, { type: 'comment', data: { comment_id: 'c', author: 'maria', text: 'hi' } });
told.transient = await client.publish(channel, { type: 'typing', data: { user: 'maria', active: true } });
await client.publish(channel, { type: 'metric', data: { name: 'cpu', value: 1 } });

told.history = await client.history(channel, { limit: 2 });
told.rest = await client.history(channel, { after: told.history.position });
told.empty = await client.history('webgui:session:other');

// One that wants everything joins late, and asks for the past.
const joined = new Promise((resolve) => {
  client.subscribe(channel, {
    from: 'start',
    onLive: resolve,
    onEvent: ({ type }) => told.seen.all.push(type),
  });
});
await joined;
await client.publish(channel, line('three'));
await client.publish(channel, { type: 'test_result', data: { name: 'last', outcome: 'OUTCOME_PASSED' } });

told.wrong = [
  await failure(client.publish(channel, { type: 'log_line', data: { level: 'LOUD' } })),
  await failure(client.publish('nowhere', line('x'))),
  await failure(client.history('nowhere')),
  await failure(client.history(channel, { limit: 5000 })),
];
while (told.seen.all.length < 6 || told.seen.lines.length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
client.close();
console.log(JSON.stringify(told));
