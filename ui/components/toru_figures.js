// Figures as people read them. Whatever the machine lacks is null and shows as a dash.
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export const ABSENT = "–";
export const has = (value) => value !== null && value !== undefined;

const HUGE = 1e15; // from here on a number is told by its power of ten

export function figure(value, digits) {
  if (Math.abs(value) >= HUGE) return String(Number(value.toPrecision(4)));
  return value.toLocaleString(undefined, { maximumFractionDigits: digits });
}

// What a record itself has by a name that anybody may have chosen, such as "constructor".
export const own = (record, name) => (Object.hasOwn(record, name) ? record[name] : undefined);

// [4.8, "GiB"]: at most three digits, so that a column of them keeps its width.
export function scaled(value) {
  let unit = 0;
  for (; value >= 1000 && unit < UNITS.length - 1; unit++) value /= 1024;
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return [value.toFixed(digits), UNITS[unit]];
}

export const bytes = (value) => (has(value) ? scaled(value).join(" ") : ABSENT);
export const rate = (value) => (has(value) ? `${bytes(value)}/s` : ABSENT);
export const percent = (value, digits = 0) => (has(value) ? `${value.toFixed(digits)} %` : ABSENT);
export const count = (value, one, many) => (has(value) ? `${value} ${value === 1 ? one : many}` : ABSENT);

// The two largest units of a span: "41 d 6 h".
export function span(seconds) {
  if (!has(seconds)) return ABSENT;
  const [days, hours, minutes] = [seconds / 86400, (seconds % 86400) / 3600, (seconds % 3600) / 60].map(Math.floor);
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min` : `${Math.floor(seconds)} s`;
}

// Above these percentages a figure asks for attention.
const ATTENTION = { cpu: [85, 95], memory: [85, 95], swap: [60, 85], disk: [80, 90] };

export function level(kind, value) {
  const [warn, bad] = ATTENTION[kind] ?? [Infinity, Infinity];
  if (!has(value) || value < warn) return "";
  return value < bad ? "warn" : "bad";
}

// Two figures that may be absent: their sum is absent only when both are.
export function sum(one, other) {
  return has(one) || has(other) ? (one ?? 0) + (other ?? 0) : null;
}

// The disk that people mean by "the disk": the one at /, else the largest.
export function mainDisk(disks) {
  const largest = (best, disk) => (!best || disk.total_space > best.total_space ? disk : best);
  return disks.find((disk) => disk.mount_point === "/") ?? disks.reduce(largest, null);
}
