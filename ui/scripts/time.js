// Times in the reader's own clock and language. Components import this from "/static/time.js".

// A browser whose clock is wrong would show runs that began in the future. The page tells when it was made.
const WRONG = 5000;

function skew() {
  const made = Date.parse(document.querySelector('meta[name="toru-made"]')?.content);
  const [arrival] = performance.getEntriesByType("navigation");
  const off = made - (performance.timeOrigin + (arrival?.responseStart ?? 0));
  return Math.abs(off) > WRONG ? off : 0;
}

const SKEW = skew();

// Milliseconds since 1970, by the server's clock.
export function now() {
  return Date.now() + SKEW;
}

const MINUTE = 60, HOUR = 3600, DAY = 86400;
const AHEAD = 2 * MINUTE; // how far the clock of a page that nobody looked at may be behind what is told

function span(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < HOUR) return `${Math.floor(s / MINUTE)}:${String(s % MINUTE).padStart(2, "0")}`;
  return `${Math.floor(s / HOUR)}:${String(Math.floor((s % HOUR) / MINUTE)).padStart(2, "0")}:${String(s % MINUTE).padStart(2, "0")}`;
}

export function coarse(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s >= DAY) return `${Math.floor(s / DAY)} d ${Math.floor((s % DAY) / HOUR)} h`;
  if (s >= HOUR) return `${Math.floor(s / HOUR)} h ${Math.floor((s % HOUR) / MINUTE)} min`;
  return s >= MINUTE ? `${Math.floor(s / MINUTE)} min` : `${s} s`;
}

function ago(then, now) {
  const seconds = (now - then) / 1000;
  if (seconds < 45 && seconds > -AHEAD) return "just now";
  if (seconds > 0 && seconds < 45 * MINUTE) return `${Math.max(1, Math.round(seconds / MINUTE))} min ago`;
  const day = new Date(now).toDateString() === then.toDateString();
  const clock = then.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (day) return `today, ${clock}`;
  if (new Date(now - DAY * 1000).toDateString() === then.toDateString()) return `yesterday, ${clock}`;
  const year = then.getFullYear() === new Date(now).getFullYear() ? undefined : "numeric";
  return `${then.toLocaleDateString([], { day: "numeric", month: "short", year })}, ${clock}`;
}

export function full(then) {
  return then.toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
}

export function told(mode, since, until, now) {
  const then = new Date(since);
  if (Number.isNaN(then.getTime())) return "";
  if (mode === "ago") return ago(then, now);
  if (mode === "date") return then.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const seconds = ((until ? new Date(until).getTime() : now) - then.getTime()) / 1000;
  if (mode === "uptime") return coarse(seconds);
  return until && seconds < 10 ? `${Math.max(0, seconds).toFixed(1)} s` : span(seconds);
}
