// What every node is drawn with: the registry of kinds, and the children of a node.
import { h } from "vue";

// type → component with the prop `node`; page_kinds.js fills it.
export const kinds = new Map();

// Fills the place of a node that this version does not know.
export const Unknown = ({ node }) =>
  h("p", { class: "t-notice warn" }, `This version of Toru does not know “${node.type}”.`);
Unknown.props = ["node"];

// The children of a node, each with its place in a row.
export const Children = ({ node }) =>
  node.children.map((child) => {
    const place = child.width ? { class: "p-wide", style: { "--columns": child.width } } : undefined;
    return h(kinds.get(child.type) ?? Unknown, { node: child, key: child.key, ...place });
  });
Children.props = ["node"];
