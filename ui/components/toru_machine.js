// The machine's live figures for everything on the page: one socket, open while something follows and can be seen.
import { shallowReactive } from "vue";
import { mainDisk, sum } from "toru_figures";

const RECENT = 60; // seconds that sparklines show
const SILENCE = 5000; // milliseconds without a message after which the figures are stale
const FIRST_RETRY = 500;
const LAST_RETRY = 10000;
const LINGER = 1500; // milliseconds that the socket outlives its last follower: a change of page takes less

// `state`: waiting (nothing yet), live, lost. `connection` counts the times that messages began: histories are then
// fetched anew, because there may be a gap and a restarted server counts its ticks from 0.
export const machine = shallowReactive({ sample: null, state: "waiting", connection: 0, recent: null });

let followers = 0;
let socket = null;
let retryDelay = FIRST_RETRY;
let retryTimer, silenceTimer, lingerTimer;

// What a component mixes in to follow; everything it needs is then in `machine`.
export const Following = {
  computed: {
    sample() {
      return machine.sample;
    },
    stale() {
      return machine.state === "lost";
    },
  },
  mounted() {
    this.unfollow = follow();
  },
  beforeUnmount() {
    this.unfollow();
  },
};

function follow() {
  followers++;
  clearTimeout(lingerTimer);
  open();
  return () => {
    followers--;
    if (!followers) lingerTimer = setTimeout(close, LINGER);
  };
}

// The last `seconds` as columns; those who ask at the same time share one request.
const asked = new Map();
export function history(seconds) {
  if (!asked.has(seconds)) {
    asked.set(seconds, fetchJson(`/api/resources/history?seconds=${seconds}`).finally(() => asked.delete(seconds)));
  }
  return asked.get(seconds);
}

export async function fetchJson(address) {
  const answer = await fetch(address, { cache: "no-store", headers: { Accept: "application/json" } });
  if (answer.status === 401) window.toruSession?.check();
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error || "The server did not answer.");
  return body;
}

function open() {
  if (socket || document.hidden || !followers) return;
  clearTimeout(retryTimer);
  const mine = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/ws/monitor`);
  socket = mine;
  let begun = false;
  expectMessage();
  mine.onmessage = (event) => {
    if (socket !== mine) return;
    const sample = JSON.parse(event.data);
    retryDelay = FIRST_RETRY;
    expectMessage();
    if (!begun) {
      begun = true;
      machine.connection++;
      loadRecent();
    }
    keepRecent(sample);
    machine.sample = sample;
    machine.state = "live";
  };
  mine.onclose = (event) => {
    if (socket !== mine) return;
    socket = null;
    if (!begun) machine.state = "lost"; // one that closes may come back at once; one that does not open is gone
    if (event.code === 4401 || !begun) window.toruSession?.check();
    retryTimer = setTimeout(open, retryDelay);
    retryDelay = Math.min(LAST_RETRY, retryDelay * 2);
  };
}

function close() {
  clearTimeout(retryTimer);
  clearTimeout(silenceTimer);
  const mine = socket;
  socket = null;
  mine?.close();
}

function expectMessage() {
  clearTimeout(silenceTimer);
  silenceTimer = setTimeout(() => {
    machine.state = "lost";
    expectMessage();
  }, SILENCE);
}

// A hidden page needs no figures: phones would drop the socket anyway, and its battery is the owner's.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) close();
  else open();
});

// ---- the last minute, second by second
async function loadRecent() {
  const connection = machine.connection;
  try {
    const past = await history(RECENT);
    if (connection !== machine.connection) return;
    const network = past.received.map((value, index) => sum(value, past.transmitted[index]));
    const last = past.tick + past.cpu.length - 1;
    machine.recent = { last, cpu: past.cpu, memory: past.memory, disk: past.disk, network };
    if (machine.sample) keepRecent(machine.sample);
  } catch {
    machine.recent ??= { last: machine.sample?.tick ?? 0, cpu: [], memory: [], disk: [], network: [] };
  }
}

function keepRecent(sample) {
  const past = machine.recent;
  if (!past || sample.tick <= past.last) return;
  const skipped = Array(Math.min(RECENT, sample.tick - past.last - 1)).fill(null);
  const longer = (column, value) => [...column, ...skipped, value].slice(-RECENT);
  machine.recent = {
    last: sample.tick,
    cpu: longer(past.cpu, sample.cpu_percent),
    memory: longer(past.memory, sample.memory_percent),
    disk: longer(past.disk, mainDisk(sample.disks)?.usage_percent ?? null),
    network: longer(past.network, sum(sample.network_received_rate, sample.network_transmitted_rate)),
  };
}
