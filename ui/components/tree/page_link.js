// The WebSocket between a plugin's page and the core: it comes back by itself, and each event gets one reply.

const FIRST_DELAY = 500; // milliseconds before the first attempt to come back, doubled up to LONGEST_DELAY
const LONGEST_DELAY = 10_000;
const CALM = 1_000; // a connection that is back sooner was never lost for anybody
const HIDDEN = 10_000; // how long a page that nobody sees stays connected
const PATIENCE = 40_000; // the core gives a plugin 30 seconds for an answer

const LOST = { ok: false, kind: "error", message: "The connection was lost before an answer came.", errors: {} };
const SILENT = { ...LOST, message: "No answer came." };

/** `events` = {tree(root), patches(list), waiting(), state("connecting" | "open" | "lost")}. */
export class PageLink {
  constructor(plugin, events) {
    this.path = `/api/plugins/${encodeURIComponent(plugin)}/page`;
    this.events = events;
    this.delay = FIRST_DELAY;
    this.pending = new Map();
    this.number = 0;
    this.abort = new AbortController();
    const { signal } = this.abort;
    document.addEventListener("visibilitychange", () => this.#seen(), { signal });
    window.addEventListener("online", () => this.#wake(), { signal });
    window.addEventListener("pageshow", (event) => event.persisted && this.#wake(), { signal });
    this.#connect();
  }

  get open() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** Tells that something was pressed; the promise brings the reply, whatever happens. */
  send(node, event, value) {
    if (!this.open || !this.began) return Promise.resolve(LOST);
    const id = ++this.number;
    this.socket.send(JSON.stringify({ type: "event", id, node, event, value }));
    return new Promise((resolve) => {
      this.pending.set(id, { resolve, patience: setTimeout(() => this.#reply({ ...SILENT, id }), PATIENCE) });
    });
  }

  close() {
    this.abort.abort();
    for (const timer of [this.retry, this.calm, this.hidden]) clearTimeout(timer);
    this.#drop();
  }

  #connect() {
    clearTimeout(this.retry);
    this.retry = undefined;
    const address = new URL((window.path_prefix ?? "") + this.path, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    this.socket = socket;
    socket.onmessage = ({ data }) => socket === this.socket && this.#receive(JSON.parse(data));
    socket.onclose = ({ code }) => socket === this.socket && this.#closed(code);
  }

  #begun() {
    this.began = true;
    this.delay = FIRST_DELAY;
    clearTimeout(this.calm);
    this.calm = undefined;
    this.events.state("open");
  }

  #receive(message) {
    if (!this.began) this.#begun();
    if (message.type === "tree") this.events.tree(message.tree);
    else if (message.type === "patches") this.events.patches(message.patches);
    else if (message.type === "waiting") this.events.waiting();
    else if (message.type === "reply") this.#reply(message);
  }

  #reply(message) {
    const asked = this.pending.get(message.id);
    if (!asked) return;
    this.pending.delete(message.id);
    clearTimeout(asked.patience);
    asked.resolve(message);
  }

  async #closed(code) {
    const refused = !this.began;
    this.#drop();
    this.calm ??= setTimeout(() => this.events.state("lost"), refused ? 0 : CALM);
    if (code === 4401) window.toruSession?.check();
    else if (refused) await this.#askWhy(); // a refused handshake tells nothing
    if (this.abort.signal.aborted || this.socket || document.hidden) return;
    this.retry = setTimeout(() => this.#connect(), this.delay * (0.8 + 0.4 * Math.random()));
    this.delay = Math.min(this.delay * 2, LONGEST_DELAY);
  }

  async #askWhy() {
    try {
      const signal = AbortSignal.any([this.abort.signal, AbortSignal.timeout(LONGEST_DELAY)]);
      const answer = await fetch((window.path_prefix ?? "") + this.path, { cache: "no-store", signal });
      if (answer.status === 401) window.toruSession?.check();
    } catch {
      // the server cannot be reached: try again later
    }
  }

  // Phones drop the sockets of pages that nobody sees, and a plugin need not work for them. An answer is waited for.
  #seen() {
    clearTimeout(this.hidden);
    if (!document.hidden) return this.#wake();
    const leave = () => {
      if (this.pending.size) this.hidden = setTimeout(leave, HIDDEN);
      else this.#drop();
    };
    this.hidden = setTimeout(leave, HIDDEN);
  }

  #wake() {
    if (this.open) return;
    this.delay = FIRST_DELAY;
    this.#drop();
    this.#connect();
  }

  #drop() {
    const { socket } = this;
    this.socket = null;
    this.began = false;
    clearTimeout(this.retry);
    socket?.close();
    for (const id of [...this.pending.keys()]) this.#reply({ ...LOST, id });
  }
}

/** In place of a link where a tree stands still, as in the gallery: `replies` has what is answered to each node, null
 * for those that never get an answer. */
export class StillLink {
  constructor(root, replies, events) {
    this.replies = replies;
    events.state("open");
    events.tree(root);
  }

  async send(node) {
    if (this.replies[node] === null) return new Promise(() => {});
    return { ok: true, message: null, kind: "info", errors: {}, go: null, ...this.replies[node] };
  }

  close() {}
}
