// Copying from and pasting into a terminal, also where a page has no clipboard (without https).

/** Text from a clipboard, unable to end a bracketed paste early and so to press keys. */
export function pasteable(text) {
  return text.replaceAll("\x1b", "\u241b").replaceAll("\x9b", "\u241b");
}

/** Copies text; `near` is where a helper may stand for a moment. */
export async function copyText(text, near) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const box = document.createElement("textarea"); // the clipboard of pages without https
    box.value = text;
    box.className = "term-offscreen";
    near.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }
}
