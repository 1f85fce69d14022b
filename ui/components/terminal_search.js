// Searches what a terminal has on screen and in its scrollback; lines that were wrapped are searched as one.

const MOST_MARKS = 400; // around the selected match

export class Search {
  constructor(terminal, colours) {
    this.terminal = terminal;
    this.colours = colours; // {match, selected, selectedInk}
    this.marks = [];
  }

  /** Selects the next match of `text` (the one before with `step` -1) and answers {at, count}, 1-based, {0, 0} for none. */
  find(text, step) {
    const matches = text ? this.#matches(text) : [];
    if (!matches.length) {
      this.clear();
      return { at: 0, count: 0 };
    }
    const at = this.#next(matches, step);
    const first = Math.max(0, at - MOST_MARKS / 2);
    this.#mark(matches.slice(first, first + MOST_MARKS), matches[at]);
    const { row, column, cells } = matches[at];
    this.terminal.select(column, row, cells);
    this.terminal.scrollToLine(Math.max(0, row - Math.floor(this.terminal.rows / 2)));
    return { at: at + 1, count: matches.length };
  }

  clear() {
    this.#mark([]);
    this.terminal.clearSelection();
  }

  #next(matches, step) {
    const here = this.terminal.getSelectionPosition()?.start;
    if (!here) return step > 0 ? 0 : matches.length - 1;
    const after = (match) => match.row > here.y || (match.row === here.y && match.column > here.x);
    const before = (match) => match.row < here.y || (match.row === here.y && match.column < here.x);
    const found = step > 0 ? matches.findIndex(after) : matches.findLastIndex(before);
    if (found >= 0) return found;
    return step > 0 ? 0 : matches.length - 1;
  }

  #matches(text) {
    const pattern = new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "giu");
    const buffer = this.terminal.buffer.active;
    const found = [];
    for (let row = 0; row < buffer.length; ) {
      const line = logicalLine(buffer, row);
      for (const match of line.text.matchAll(pattern)) found.push(this.#place(row, line, match));
      row += line.rows;
    }
    return found;
  }

  #place(row, line, match) {
    const { cols, buffer } = this.terminal;
    const cell = (index) => cellBefore(buffer.active, row, line, index, cols);
    const start = cell(match.index);
    const end = cell(match.index + match[0].length);
    return { row: row + Math.floor(start / cols), column: start % cols, cells: end - start };
  }

  #mark(matches, selected) {
    this.marks.forEach((mark) => mark.dispose());
    const { terminal } = this;
    const { baseY, cursorY } = terminal.buffer.active;
    this.marks = matches.flatMap((match) => {
      const marker = terminal.registerMarker(match.row - baseY - cursorY);
      if (!marker) return []; // the alternate screen has none
      const decoration = terminal.registerDecoration({
        marker,
        x: match.column,
        width: Math.min(match.cells, terminal.cols - match.column),
        ...(match === selected ? this.#selectedLook() : { backgroundColor: this.colours.match }),
      });
      return [{ dispose: () => (decoration?.dispose(), marker.dispose()) }];
    });
  }

  #selectedLook() {
    return { backgroundColor: this.colours.selected, foregroundColor: this.colours.selectedInk, layer: "top" };
  }
}

/** The text of a line that may have been wrapped over several rows, and how many rows it takes. */
function logicalLine(buffer, row) {
  let rows = 1;
  while (buffer.getLine(row + rows)?.isWrapped) rows += 1;
  const parts = [];
  for (let i = 0; i < rows; i += 1) parts.push(buffer.getLine(row + i).translateToString(i === rows - 1));
  return { text: parts.join(""), rows, parts };
}

/** How many cells lie before the character at `index` of a logical line (a wide character takes two). */
function cellBefore(buffer, row, line, index, cols) {
  let part = 0;
  while (part < line.rows - 1 && index >= line.parts[part].length) index -= line.parts[part++].length;
  const cells = buffer.getLine(row + part);
  let column = 0;
  for (let seen = 0; column < cols; column += 1) {
    const cell = cells.getCell(column);
    if (!cell.getWidth()) continue; // the second half of a wide character
    if (seen >= index) break;
    seen += cell.getChars().length || 1;
  }
  return part * cols + column;
}

/** Everything a terminal holds as plain text. */
export function textOf(terminal) {
  const buffer = terminal.buffer.active;
  const lines = [];
  for (let row = 0; row < buffer.length; ) {
    const line = logicalLine(buffer, row);
    lines.push(line.text);
    row += line.rows;
  }
  return lines.join("\n").replace(/\n+$/, "\n");
}
