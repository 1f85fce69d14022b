// A small part of Markdown as vnodes: headings, paragraphs, bold, italics, code, fences, lists, quotes, links.
// Whatever is none of these is shown as the text that it is; HTML is text. Every loop is linear in the text.
import { h } from "vue";
import { safeLink } from "toru_address";

const DEEPEST = 6; // lists and quotes within each other
const MOST_BLOCKS = 2000; // that are drawn, entries of lists among them
const LONGEST_TITLE = 1000;

/** The vnodes of a text. `level` is that of its highest headings. */
export function markdown(text, level) {
  const lines = String(text).split(/\r\n|[\r\n\u2028\u2029]/);
  const depths = [...new Set(lines.map((line) => /^(#{1,6})\s/.exec(line)?.[1].length).filter(Boolean))].sort();
  const page = { heading: (depth) => `h${Math.min(6, level + Math.max(0, depths.indexOf(depth)))}`, drawn: 0 };
  const made = blocks(lines, page, 0);
  return page.drawn > MOST_BLOCKS ? [...made, h("p", { class: "t-sub" }, "… the rest is not shown")] : made;
}

const isFull = (page) => ++page.drawn > MOST_BLOCKS;

function blocks(lines, page, nested) {
  const made = [];
  for (let at = 0; at < lines.length; ) {
    const line = lines[at];
    const depth = /^#{1,6}(?=\s)/.exec(line)?.[0].length;
    if (!line.trim()) at++;
    else if (isFull(page)) break;
    else if (line.startsWith("```")) at = fence(lines, at, made);
    else if (depth) {
      made.push(h(page.heading(depth), inline(title(line.slice(depth, LONGEST_TITLE)))));
      at++;
    } else if (line.startsWith(">") && nested < DEEPEST) at = quote(lines, at, made, page, nested);
    else if (item(line) && nested < DEEPEST) at = list(lines, at, made, page, nested);
    else at = paragraph(lines, at, made, nested);
  }
  return made;
}

// The words of a heading, without the # that may close it.
function title(words) {
  let end = words.trimEnd().length;
  while (words[end - 1] === "#") end--;
  return words.slice(0, end).trim();
}

function fence(lines, start, made) {
  let end = start + 1;
  while (end < lines.length && !lines[end].startsWith("```")) end++;
  made.push(h("pre", { tabindex: 0 }, h("code", lines.slice(start + 1, end).join("\n"))));
  return end + 1;
}

function quote(lines, start, made, page, nested) {
  let end = start;
  while (end < lines.length && lines[end].startsWith(">")) end++;
  const inner = lines.slice(start, end).map((line) => line.replace(/^> ?/, ""));
  made.push(h("blockquote", blocks(inner, page, nested + 1)));
  return end;
}

// "- text", "* text", "1. text", indented or not.
function item(line) {
  const found = /^( *)(?:[-*+]|(\d{1,9})[.)]) /.exec(line);
  if (!found) return null;
  const [mark, indent, number] = found;
  return { indent: indent.length, ordered: number !== undefined, number: Number(number), text: line.slice(mark.length).trimStart() };
}

function list(lines, start, made, page, nested) {
  const { indent, ordered, number } = item(lines[start]);
  const items = [];
  let at = start;
  for (; at < lines.length; at++) {
    const found = item(lines[at]);
    if (found && found.indent <= indent) {
      if (found.indent < indent || found.ordered !== ordered || (items.length && isFull(page))) break;
      items.push([found.text]);
    } else if (/^ {2,}\S/.test(lines[at])) items.at(-1).push(lines[at].replace(/^ {2,4}/, ""));
    else break;
  }
  const entries = items.map((inner) => h("li", inner.length === 1 ? inline(inner[0]) : tight(inner, page, nested)));
  made.push(ordered ? h("ol", number === 1 ? null : { start: number }, entries) : h("ul", entries));
  return at;
}

// An item of several lines: its first words stand beside the mark, what follows are blocks.
function tight(lines, page, nested) {
  const end = lines.findIndex((line, place) => place && (item(line) || line.startsWith("```") || line.startsWith(">")));
  const words = lines.slice(0, end < 0 ? lines.length : end).join(" ");
  return [...inline(words), ...(end < 0 ? [] : blocks(lines.slice(end), page, nested + 1))];
}

function paragraph(lines, start, made, nested) {
  let end = start + 1;
  const other = (line) => !line.trim() || /^(#{1,6}\s|```)/.test(line) || (nested < DEEPEST && (line.startsWith(">") || item(line)));
  while (end < lines.length && !other(lines[end])) end++;
  made.push(h("p", inline(lines.slice(start, end).join("\n"))));
  return end;
}

// Marks of inline text, tried in this order where one begins; each ends with itself.
const MARKS = [
  ["`", (words) => h("code", words)],
  ["**", (words, depth) => h("strong", inline(words, depth))],
  ["__", (words, depth) => h("strong", inline(words, depth))],
  ["*", (words, depth) => h("em", inline(words, depth))],
  ["_", (words, depth) => h("em", inline(words, depth))],
];

function inline(text, depth = 0) {
  if (depth > DEEPEST) return [text];
  const made = [];
  const missing = new Set(); // marks that have no end in what follows: not looked for again
  let plain = "";
  const flush = () => {
    if (plain) made.push(plain);
    plain = "";
  };
  for (let at = 0; at < text.length; ) {
    const [length, node] = link(text, at, depth) ?? marked(text, at, depth, missing) ?? [1, null];
    if (node) {
      flush();
      made.push(node);
    } else plain += text[at];
    at += length;
  }
  flush();
  return made;
}

function marked(text, at, depth, missing) {
  for (const [mark, draw] of MARKS) {
    if (!text.startsWith(mark, at) || missing.has(mark)) continue;
    if (mark.startsWith("_") && /\w/.test(text[at - 1] ?? "")) continue; // snake_case
    const from = at + mark.length;
    const end = text.indexOf(mark, from + 1);
    if (end < 0) missing.add(mark);
    else if (/\S/.test(text[from]) && /\S/.test(text[end - 1])) return [end + mark.length - at, draw(text.slice(from, end), depth + 1)];
  }
  return null;
}

const LINK = /\[([^[\]]{1,500})\]\(([^()\s]{1,2048})\)/y;

function link(text, at, depth) {
  if (text[at] !== "[") return null;
  LINK.lastIndex = at;
  const found = LINK.exec(text);
  const attributes = found && safeLink(found[2]);
  if (!attributes) return null;
  return [found[0].length, h("a", { ...attributes, class: "t-link" }, inline(found[1], depth + 1))];
}
