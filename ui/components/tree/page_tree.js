// The tree of a plugin's page as the browser keeps it: nodes that Vue follows, found by id and patched in place.
// A node is {type, id, key, width, parent, data, children}; `data` holds its fields and is replaced, never changed.
// Tabs may have `shown`, too: {key} of the tab that is to be opened.
import { shallowReactive } from "vue";

const KEPT_POINTS = 500;
const KEPT_LINES = 500;

export class PageTree {
  constructor() {
    this.top = shallowReactive({ children: [] }); // holds the root, so that the root is a child like any other
    this.nodes = new Map();
  }

  get empty() {
    return !this.top.children.length;
  }

  // A whole tree. What was there already stays the same node, so that focus, scrolling and open tabs stay.
  show(root) {
    this.#give(this.top, root ? [root] : []);
  }

  patch(patches) {
    for (const patch of patches) {
      const node = this.nodes.get(patch.id);
      if (node) this.#apply(node, patch);
    }
  }

  #apply(node, patch) {
    const { data } = node;
    if (patch.set) {
      const { width = node.width, ...fields } = patch.set;
      node.width = width;
      const told = "value" in fields && node.type === "field" ? { told: data.told + 1 } : null;
      node.data = { ...data, ...fields, ...told };
    }
    if (patch.replace) this.#replace(node, patch.replace);
    if (patch.children) this.#give(node, patch.children);
    if (patch.append) this.#append(node, patch.append);
    if (patch.remove) this.#remove(node);
    if (patch.lines) node.data = withLines(data, patch.lines);
    if (patch.points) node.data = withPoints(data, patch.points, patch.keep ?? KEPT_POINTS);
    if (patch.rows || patch.drop) node.data = withRows(data, patch.rows ?? [], patch.drop ?? []);
  }

  #replace(node, fresh) {
    const { parent } = node;
    const key = fresh.id === node.id && fresh.type === node.type ? node.key : undefined;
    const made = key ? this.#renew(node, fresh) : this.#make(fresh, parent, `${node.key}'`);
    if (!key) this.#forget(node);
    parent.children = parent.children.map((child) => (child === node ? made : child));
    this.#find(made);
  }

  #append(node, fresh) {
    const made = named(fresh, node.children.length).map(([key, one]) => this.#make(one, node, key));
    node.children = [...node.children, ...made];
  }

  #remove(node) {
    this.#forget(node);
    node.parent.children = node.parent.children.filter((child) => child !== node);
  }

  // Gives a node these children; those of the same key and type go on living.
  #give(node, fresh) {
    const before = new Map(node.children.map((child) => [child.key, child]));
    const after = named(fresh).map(([key, one]) => {
      const old = before.get(key);
      if (old?.type !== one.type) return this.#make(one, node, key);
      before.delete(key);
      return this.#renew(old, one);
    });
    for (const gone of before.values()) this.#forget(gone);
    if (after.length !== node.children.length || after.some((child, place) => child !== node.children[place])) {
      node.children = after;
    }
    for (const child of after) this.#find(child); // also where an id moved from a node that was forgotten
  }

  #make({ type, id, width, children, ...data }, parent, key) {
    const node = shallowReactive({ type, id, key, width, parent, data: taken(type, data), children: [] });
    this.#find(node);
    node.children = named(children ?? []).map(([name, one]) => this.#make(one, node, name));
    return node;
  }

  #renew(node, { type, width, children, id, ...data }) {
    if (node.width !== width) node.width = width;
    const fresh = taken(type, data);
    if (type === "field") fresh.told = node.data.told + (fresh.value === node.data.value ? 0 : 1);
    if (JSON.stringify(fresh) !== JSON.stringify(node.data)) node.data = fresh;
    this.#give(node, children ?? []);
    return node;
  }

  #find(node) {
    if (node.id) this.nodes.set(node.id, node);
  }

  #forget(node) {
    if (this.nodes.get(node.id) === node) this.nodes.delete(node.id);
    node.children.forEach((child) => this.#forget(child));
  }
}

// Children with their keys: the id, or the type and how many of that type without one came before.
function named(children, from = 0) {
  const counts = new Map();
  return children.map((child) => {
    if (child.id) return [`=${child.id}`, child];
    counts.set(child.type, (counts.get(child.type) ?? from) + 1);
    return [`${child.type} ${counts.get(child.type)}`, child];
  });
}

// `first` numbers the oldest line of a log that is kept, so that a line keeps its number. `told` counts how often the
// plugin said what a field holds.
const OWN = { log: { first: 0 }, field: { told: 0 } };
const taken = (type, data) => ({ ...data, ...OWN[type] });

function withLines(data, lines) {
  const all = [...(data.lines ?? []), ...lines];
  const kept = all.slice(-(data.keep ?? KEPT_LINES));
  return { ...data, lines: kept, first: data.first + all.length - kept.length };
}

function withPoints(data, points, keep) {
  const shown = data.series ?? [];
  const known = shown.map((one) => one.name);
  const fresh = Object.keys(points).filter((name) => !known.includes(name)).map((name) => ({ name, data: [] }));
  const series = [...shown, ...fresh].map((one) => {
    return Object.hasOwn(points, one.name) ? { ...one, data: [...one.data, ...points[one.name]].slice(-keep) } : one;
  });
  return { ...data, series };
}

function withRows(data, rows, drop) {
  const fresh = new Map(rows.map((row) => [row.key, row]));
  const gone = new Set(drop);
  const kept = (data.rows ?? []).filter((row) => !gone.has(row.key) || fresh.has(row.key));
  const known = new Set(kept.map((row) => row.key));
  const added = rows.filter((row) => !known.has(row.key));
  return { ...data, rows: [...kept.map((row) => fresh.get(row.key) ?? row), ...added] };
}
