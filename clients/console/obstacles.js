// What may stand between the page and the bridge on purpose: a WebSocket and a fetch for the client, which fail as a bad
// network's do when they are told to.

export class Obstacles {
  constructor() {
    this.blocked = []; // of ws, sse and poll
    this.open = new Map(); // what ends a connection → its transport
    this.text = ''; // the WebSocket's last message, as it came
    const self = this;
    this.WebSocket = function Socket(url, protocols) {
      return self.blocked.includes('ws') ? new NoSocket() : self.socket(url, protocols);
    };
    this.fetch = (url, init) => this.request(url, init);
  }

  // From now on nothing gets through by these, until the next call.
  block(transports) {
    this.blocked = transports;
    for (const [end, transport] of this.open) if (transports.includes(transport)) end();
  }

  socket(url, protocols) {
    const socket = new WebSocket(url, protocols);
    socket.addEventListener('message', ({ data }) => { this.text = data; });
    const end = () => {
      this.open.delete(end);
      if (socket.onclose) socket.onclose({ reason: '' }); // at once: a close that nobody answers takes long
      socket.close();
    };
    this.open.set(end, 'ws');
    socket.addEventListener('close', () => this.open.delete(end));
    return socket;
  }

  async request(url, init) {
    const transport = url.includes('/v1/sse') ? 'sse' : 'poll';
    if (this.blocked.includes(transport)) throw new TypeError('blocked');
    init.signal.throwIfAborted();
    const broken = new AbortController();
    const end = () => {
      this.open.delete(end);
      init.signal.removeEventListener('abort', end);
      broken.abort();
    };
    this.open.set(end, transport);
    init.signal.addEventListener('abort', end);
    const answer = await fetch(url, { ...init, signal: broken.signal });
    if (transport === 'sse') return answer;
    const whole = await answer.text();
    end(); // nothing is left to break
    return new Response(answer.status === 204 ? null : whole, answer);
  }
}

// Fails as one whose handshake was refused.
class NoSocket {
  constructor() {
    setTimeout(() => this.onclose && this.onclose({ reason: '' }));
  }

  close() {}
}
