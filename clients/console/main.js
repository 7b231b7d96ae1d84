// Puts the console together: link → state → views, drawn at most some fifteen times a second.

import { AgentView } from './agent_view.js';
import { ChannelView } from './channel_view.js';
import { byId } from './dom.js';
import { Follower } from './follow.js';
import { FrameView } from './frame_view.js';
import { bindHelp } from './help.js';
import { Link } from './link.js';
import { MetricView } from './metric_view.js';
import { NoticeView } from './notice_view.js';
import { Parts } from './parts.js';
import { PeopleView } from './people_view.js';
import { SessionView } from './session_view.js';
import { ShellView } from './shell_view.js';
import { State } from './state.js';
import { TestView } from './test_view.js';
import { bindThemeButton } from './theme_button.js';
import { Trials } from './trials.js';

const DRAW_EVERY_MS = 66;
const AGES_EVERY_MS = 1000;
const DEFAULT_PREFIX = 'webgui';

// ?prefix= and ?channel= (repeatable) of the page's own address.
const query = new URLSearchParams(location.search);
const prefix = /^[a-z0-9_-]{1,32}$/.test(query.get('prefix') || '') ? query.get('prefix') : DEFAULT_PREFIX;

const state = new State();
const shell = new ShellView();
const link = new Link({
  url: '/',
  onEvent(event, raw, channel) {
    state.addEvent(event, raw, channel, channel.phase === 'replaying');
    follower.see(event, channel);
    askToDraw();
  },
  onControl(frame, raw) {
    state.addFrame(frame, raw);
    askToDraw();
  },
  onLive(channel) {
    if (channel.name === follower.global) follower.followHeardOf();
    askToDraw();
  },
  onStatus(status) {
    shell.onStatus(status);
    if (status.phase === 'live') notices.listen();
    askToDraw();
  },
  onCaughtUp(summary) {
    shell.onCaughtUp(summary);
    trials.onCaughtUp(summary);
  },
  onRefilled: (summary) => trials.onRefilled(summary),
});
const trials = new Trials(link, (words) => shell.say(words));
const follower = new Follower(link, state, prefix);
for (const name of query.getAll('channel').slice(0, 32)) follower.pin(name);

const frames = new FrameView(state);
const notices = new NoticeView(state);
const views = [
  ['sessions', new SessionView(state, showFrames)],
  ['agents', new AgentView(state)],
  ['tests', new TestView(state)],
  ['notices', notices],
  ['metrics', new MetricView(state)],
  ['people', new PeopleView(state)],
  ['frames', frames],
];
const channels = new ChannelView(link, follower);

let drawnAt = 0;
let agedAt = 0;
let asked = false;

const parts = new Parts(askToDraw);

function showFrames(word) {
  parts.go('frames');
  frames.find(word);
}

// Draws soon: with the next picture of the browser's own, but not more often than a reader can follow. A page that is not
// shown is not drawn.
function askToDraw() {
  if (asked) return;
  asked = true;
  setTimeout(() => requestAnimationFrame(draw), Math.max(0, drawnAt + DRAW_EVERY_MS - performance.now()));
}

function draw(time) {
  asked = false;
  drawnAt = time;
  const tick = time - agedAt >= AGES_EVERY_MS;
  if (tick) agedAt = time;
  const now = Date.now();
  for (const [part, view] of views) {
    if (tick || view.stale || state.changed.has(part)) view.draw(now);
  }
  state.changed.clear();
  shell.draw(link, state, now);
  trials.draw(now);
  if (tick) channels.draw();
  if (link.status.retryAt > now) askToDraw(); // a countdown runs
}

bindThemeButton(byId('theme'));
bindHelp([
  ['1–7', 'Go to a part of the page', (key) => parts.go(Number(key) - 1)],
  ['/', 'Filter the frames', () => showFrames(byId('frame-filter').value)],
  ['p', 'Pause the frames, or go on', () => byId('frame-pause').click()],
  ['c', 'Cut the connection for ten seconds', () => byId('cut').click()],
  ['b', 'Block WebSocket; then streams, too; then nothing', () => byId('block').click()],
  ['s', 'Take in nothing for ten seconds', () => byId('slow').click()],
  ['t', 'Change the theme', () => byId('theme').click()],
]);
// What the user does may change what a view shows.
for (const kind of ['click', 'input', 'toggle', 'keydown']) document.addEventListener(kind, askToDraw, true);
setInterval(askToDraw, AGES_EVERY_MS);
