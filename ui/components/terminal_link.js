// The WebSocket between one terminal and one run: it comes back by itself and goes on from the byte where it was.

const FIRST_DELAY = 500; // milliseconds before the first attempt to come back, doubled up to LONGEST_DELAY
const LONGEST_DELAY = 10_000;
const ACK_EVERY = 32 * 1024; // bytes; the server keeps 256 KiB under way
const ACK_DELAY = 40; // milliseconds until a smaller amount is acknowledged too
const BEAT = 5_000;
const QUIET = 20_000; // silence after which the server is asked for a sign of life
const DEAD = 32_000; // silence after which the connection counts as lost
const AWAKE = 4_000; // the same, after the page came back to the foreground
const LARGEST_INPUT = 64 * 1024; // bytes a frame

/**
 * `events` = {bytes(Uint8Array, parsed), skipped(count), exit({state, code}), refused(sentence), state(name)}: `parsed` is
 * to be called once the bytes are on the screen. States: connecting, open, lost, ended, signed-out, missing.
 */
export class Link {
  constructor(path, offset, events) {
    this.path = path;
    this.offset = offset;
    this.events = events;
    this.delay = FIRST_DELAY;
    this.encoder = new TextEncoder();
    this.abort = new AbortController();
    const { signal } = this.abort;
    document.addEventListener("visibilitychange", () => document.hidden || this.#wake(), { signal });
    window.addEventListener("online", () => this.#wake(), { signal });
    window.addEventListener("pageshow", (event) => event.persisted && this.#wake(), { signal });
    this.beat = setInterval(() => this.#beat(), BEAT);
    this.#connect();
  }

  get open() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** Sends keystrokes: text, or bytes. What is typed without a connection is dropped, never sent later. */
  type(keys) {
    const bytes = typeof keys === "string" ? this.encoder.encode(keys) : keys;
    for (let at = 0; this.open && at < bytes.length; at += LARGEST_INPUT)
      this.socket.send(bytes.subarray(at, at + LARGEST_INPUT));
  }

  resize(cols, rows) {
    this.#tell({ size: [cols, rows] });
  }

  close() {
    this.#finish("ended");
  }

  #tell(message) {
    if (this.open) this.socket.send(JSON.stringify(message));
  }

  #connect() {
    clearTimeout(this.retry);
    this.retry = undefined;
    const address = new URL((window.path_prefix ?? "") + this.path, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    address.search = new URLSearchParams({ offset: this.offset, mode: "live" });
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.unacknowledged = 0;
    this.heard = performance.now();
    socket.onopen = () => this.#opened(socket);
    socket.onmessage = (event) => socket === this.socket && this.#receive(socket, event.data);
    socket.onclose = (event) => socket === this.socket && this.#closed(event);
    this.events.state("connecting");
  }

  #opened(socket) {
    if (socket !== this.socket) return;
    socket.wasOpen = true;
    this.events.state("open");
  }

  #receive(socket, data) {
    this.heard = performance.now();
    this.delay = FIRST_DELAY;
    if (typeof data === "string") return this.#message(JSON.parse(data));
    const bytes = new Uint8Array(data);
    this.offset += bytes.length;
    this.events.bytes(bytes, () => this.#parsed(socket, bytes.length));
  }

  #message(message) {
    if ("skipped" in message) {
      this.offset = message.offset;
      this.events.skipped(message.skipped);
    }
    if ("error" in message) this.events.refused(message.error);
    if ("exit" in message) {
      this.#finish("ended");
      this.events.exit(message.exit);
    }
  }

  #parsed(socket, count) {
    if (socket !== this.socket) return; // bytes of an earlier connection are not in this one's window
    this.unacknowledged += count;
    clearTimeout(this.acknowledging);
    if (this.unacknowledged >= ACK_EVERY) this.#acknowledge();
    else this.acknowledging = setTimeout(() => this.#acknowledge(), ACK_DELAY);
  }

  #acknowledge() {
    if (this.unacknowledged) this.#tell({ ack: this.unacknowledged });
    this.unacknowledged = 0;
  }

  async #closed({ code }) {
    const refused = !this.socket.wasOpen;
    this.socket = null;
    if (code === 4401) return this.#finish("signed-out");
    if (code === 4404) return this.#finish("missing");
    this.events.state("lost");
    if (refused) await this.#askWhy(); // a refused handshake tells the browser nothing
    if (!this.abort.signal.aborted) this.#again();
  }

  async #askWhy() {
    try {
      const answer = await fetch((window.path_prefix ?? "") + this.path.replace("/api/ws/", "/api/"), {
        cache: "no-store",
        signal: AbortSignal.timeout(LONGEST_DELAY),
      });
      if (answer.status === 401) this.#finish("signed-out");
      if (answer.status === 404) this.#finish("missing");
    } catch {
      // the server cannot be reached: try again later
    }
  }

  #again() {
    this.retry = setTimeout(() => this.#connect(), this.delay * (0.8 + 0.4 * Math.random()));
    this.delay = Math.min(this.delay * 2, LONGEST_DELAY);
  }

  /** The page is in the foreground or online again: a connection that only seems open is found out soon. */
  #wake() {
    if (this.retry) this.#connect();
    else if (this.open) {
      this.heard = performance.now() - DEAD + AWAKE;
      this.#tell({ ping: 1 });
      setTimeout(() => this.#beat(), AWAKE + 100);
    }
  }

  #beat() {
    const now = performance.now();
    const slept = now - (this.beaten ?? now) > 2 * BEAT; // a frozen tab hears nothing: ask before judging
    this.beaten = now;
    if (!this.open) return;
    if (slept) this.heard = now - DEAD + AWAKE + BEAT;
    const quiet = now - this.heard;
    if (quiet >= DEAD) this.#drop();
    else if (quiet >= QUIET) this.#tell({ ping: 1 });
  }

  #drop() {
    const { socket } = this;
    this.socket = null;
    socket.close();
    this.events.state("lost");
    this.#connect();
  }

  #finish(state) {
    if (this.abort.signal.aborted) return;
    this.#acknowledge();
    this.abort.abort();
    clearInterval(this.beat);
    clearTimeout(this.retry);
    clearTimeout(this.acknowledging);
    const { socket } = this;
    this.socket = null;
    socket?.close();
    this.events.state(state);
  }
}
