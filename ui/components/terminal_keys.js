// The keys of a terminal: those that a phone's keyboard lacks, and those that only move what is shown.

// The bar, from left to right; `arrow` is the last letter of an arrow's sequence, Ctrl changes the next key.
export const KEYS = [
  { name: "Esc", keys: "\x1b" },
  { name: "Tab", keys: "\t" },
  { name: "Ctrl" },
  { name: "Left", sign: "←", arrow: "D" },
  { name: "Down", sign: "↓", arrow: "B" },
  { name: "Up", sign: "↑", arrow: "A" },
  { name: "Right", sign: "→", arrow: "C" },
];

/** What a character sends when Ctrl is held. */
export function withControl(sign) {
  const code = sign.toUpperCase().charCodeAt(0);
  if (sign === " ") return "\0";
  if (sign === "?") return "\x7f";
  return code >= 64 && code < 96 ? String.fromCharCode(code & 31) : sign;
}

/** What an arrow sends: `application` is the mode that full-screen programs ask for. */
export function arrowKeys(letter, { control, application }) {
  if (control) return `\x1b[1;5${letter}`;
  return (application ? "\x1bO" : "\x1b[") + letter;
}

const SCROLLING = {
  ArrowUp: (terminal) => terminal.scrollLines(-1),
  ArrowDown: (terminal) => terminal.scrollLines(1),
  PageUp: (terminal) => terminal.scrollPages(-1),
  PageDown: (terminal) => terminal.scrollPages(1),
  Home: (terminal) => terminal.scrollToTop(),
  End: (terminal) => terminal.scrollToBottom(),
};

/** Moves through the output with the keyboard, for those who only read; what is no such key stays the browser's. */
export function scrollByKey(terminal, event) {
  const scroll = SCROLLING[event.key];
  if (!scroll || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  scroll(terminal);
}
