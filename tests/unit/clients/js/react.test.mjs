// The hooks, rendered without a page. React is not beside the client's source, so both are bundled first.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { World, online, server } from './world.mjs';

const modules = process.env.NODE_PATH ?? fileURLToPath(new URL('../../../../build/node/node_modules', import.meta.url));
const source = fileURLToPath(new URL('../../../../clients/js/src/react.js', import.meta.url));
const require = createRequire(join(modules, 'x.js'));
const folder = mkdtempSync(join(tmpdir(), 'spanwire-react-'));
after(() => rmSync(folder, { recursive: true }));

require('esbuild').buildSync({
  stdin: {
    contents: `export * from ${JSON.stringify(source)};
      export * as React from 'react';
      export { create } from 'react-test-renderer';`,
    resolveDir: modules,
  },
  bundle: true, format: 'cjs', platform: 'node', nodePaths: [modules], outfile: join(folder, 'hooks.cjs'), logLevel: 'error',
});
globalThis.IS_REACT_ACT_ENVIRONMENT = true;
// React's, when bundled; Node's own would keep the process alive.
globalThis.MessageChannel = class {
  port1 = {};

  port2 = { postMessage: () => setImmediate(this.port1.onmessage) };
};
const complain = console.error;
console.error = (first, ...rest) => String(first).includes('react-test-renderer is deprecated') || complain(first, ...rest);
const { React, create, useChannel, useConnection } = require(join(folder, 'hooks.cjs'));
const { act } = React;

// Renders a hook; `is` is what it gave last.
const render = async (hook, wrap = (element) => element) => {
  const told = {};
  const Probe = ({ value }) => {
    told.is = hook(value);
    return null;
  };
  const element = (value) => wrap(React.createElement(Probe, { value }));
  let root;
  await act(async () => { root = create(element()); });
  told.again = (value) => act(async () => root.update(element(value)));
  told.leave = () => act(async () => root.unmount());
  return told;
};
const shown = () => act(() => new Promise((resolve) => setTimeout(resolve, 40)));

test('useConnection follows the state', async () => {
  const world = new World();
  const { client, bridge } = await online(world);
  const told = await render(() => useConnection(client));
  assert.equal(told.is, 'online');
  await act(() => bridge.close());
  assert.equal(told.is, 'offline');
});

test('useChannel gives the newest events, gaps and the end; it lets go when it leaves', async () => {
  const world = new World();
  const { client, bridge } = await online(world, { position: '1-5' });
  const told = await render(() => useChannel(client, 'c', { limit: 3, types: ['log_*'] }));
  await shown();
  assert.deepEqual([told.is.live, told.is.events], [true, []]); // it joins one that is live
  for (let n = 6; n < 11; n += 1) await bridge.event(`1-${n}`);
  await bridge.say({ type: '$gap', channel: 'c', after: '1-10', position: '1-12', reason: 'slow' });
  await shown();
  assert.deepEqual(told.is.events.map(({ id }) => id), ['1-8', '1-9', '1-10']);
  assert.equal(told.is.gap.reason, 'slow');
  await bridge.say({ type: '$error', channel: 'c', code: 'permission_denied', retry: false });
  await shown();
  assert.equal(told.is.error.code, 'permission_denied');
  await told.leave();
});

test('useChannel in strict mode subscribes once; another channel begins anew; none is none', async () => {
  const world = new World();
  const { client, bridge } = await online(world);
  const strict = (element) => React.createElement(React.StrictMode, null, element);
  const told = await render((channel = 'd') => useChannel(client, channel), strict);
  assert.deepEqual(bridge.socket.sent.map(({ cmd, channel }) => `${cmd} ${channel}`), ['subscribe c', 'subscribe d']);
  await bridge.subscribed('1-0');
  await bridge.event('1-1', { channel: 'd' });
  await shown();
  assert.deepEqual([told.is.live, told.is.events.length], [true, 1]);
  await told.again('e');
  assert.deepEqual(told.is.events, []);
  await told.again(null);
  assert.equal(server(world).asked().cmd, 'unsubscribe');
  await told.leave();
});
