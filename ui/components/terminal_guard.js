// What a script may not do to the terminal that shows it: no links, no clipboard, no colours of its own, no endless loops.

// Title, palette, links (8), notifications (9, 777), clipboard (52), dynamic colours, files (1337) and editors' extensions.
const OSC_CODES = [
  0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 22, 50, 52, 104, 105, 106, 110, 111, 112, 113, 114,
  115, 116, 117, 118, 119, 133, 633, 777, 1337,
];

// Sequences that xterm answers as if somebody had typed the answer.
const QUESTIONS = [
  { final: "n" },
  { prefix: "?", final: "n" },
  { final: "c" },
  { prefix: ">", final: "c" },
  { prefix: "=", final: "c" },
  { intermediates: "$", final: "p" },
  { prefix: "?", intermediates: "$", final: "p" },
];

// xterm runs these once per count, up to 2^31 times, and `b` allocates that much memory.
const REPEATED = ["b", "I", "L", "M", "S", "T", "Z"];
const MOST_REPEATS = 500;

/**
 * Neutralises dangerous sequences in `terminal`. Questions are answered only while `mayAnswer()` is true: an answer
 * to one that lies in the past would be typed into a script that no longer waits for it.
 */
export function guard(terminal, mayAnswer) {
  const { parser } = terminal;
  OSC_CODES.forEach((code) => parser.registerOscHandler(code, () => true));
  parser.registerCsiHandler({ final: "t" }, () => true); // size, position and title of the window
  parser.registerDcsHandler({ intermediates: "$", final: "q" }, () => !mayAnswer());
  QUESTIONS.forEach((id) => parser.registerCsiHandler(id, () => !mayAnswer()));
  REPEATED.forEach((final) => parser.registerCsiHandler({ final }, (params) => params[0] > MOST_REPEATS));
}
