// Every type of node that a plugin's page may be made of, drawn with the parts of our own pages.
import Card from "card_surface";
import DataTable from "data_table";
import { EndFollowing } from "end_following";
import { h, inject } from "vue";
import { Bar, Chip, MetricTile, Picture } from "toru_parts";
import { figure, own } from "toru_figures";
import { PageChart } from "page_chart";
import { PageField, PageForm } from "page_form";
import { Tabs } from "page_tabs";
import { markdown } from "toru_markdown";
import { safeLink } from "toru_address";
import { Children, kinds } from "page_node";

// A component that only draws: `draw(node, data)`.
function drawn(draw) {
  const component = ({ node }) => draw(node, node.data);
  component.props = ["node"];
  return component;
}

const level = () => (inject("titled", false) ? 3 : 2); // of headings: below a card's title one more

const TEXTS = { quiet: ["p", "t-sub"], strong: ["p", "p-strong"], mono: ["p", "t-mono p-mono"], body: ["p", ""] };

const Text = drawn((node, { text, kind = "body" }) => {
  if (kind === "heading") return h(`h${level()}`, { class: "p-heading" }, text);
  const [tag, look] = TEXTS[kind] ?? TEXTS.body;
  return h(tag, { class: ["p-text", look] }, text);
});

const Markdown = {
  props: { node: Object },
  inject: { titled: { default: false } },
  computed: {
    words() {
      return markdown(this.node.data.text, this.titled ? 3 : 2);
    },
  },
  render() {
    return h("div", { class: "t-prose" }, this.words);
  },
};

const PageCard = {
  components: { Card, Children },
  props: { node: Object },
  inject: ["icons"],
  provide() {
    return { titled: Boolean(this.node.data.title) };
  },
  template: `
    <Card :label="node.data.title" :subtitle="node.data.subtitle" :head="Boolean(node.data.title)" :picture="node.data.icon" :icons="icons">
      <div class="p-column"><Children :node="node"/></div>
    </Card>`,
};

const TILE_LEVELS = { warn: "warn", bad: "bad", ok: "ok" };
const told = (value) => (typeof value === "number" ? figure(value, 3) : String(value ?? "–"));

const Metric = drawn((node, { label, value, unit, note, icon, tone, share, trend }) => {
  const values = trend ?? [];
  const largest = Math.max(...values.map((one) => Math.abs(one ?? 0)), 0);
  return h(MetricTile, {
    label, icon, icons: inject("icons"), value: told(value), unit: unit ?? "", left: note ?? "", right: "", level: TILE_LEVELS[tone] ?? "",
    share: share ?? undefined, bar: label, values, least: largest / 10 || 1, points: values.length ? Math.max(2, values.length) : 0,
  });
});

const Button = {
  components: { Picture },
  inject: ["page", "icons"],
  props: { node: Object },
  data() {
    return { busy: false };
  },
  template: `
    <button type="button" class="t-btn" :class="[node.data.kind ?? 'plain', { busy }]" :disabled="node.data.disabled"
            :aria-disabled="busy || page.off() || undefined" :aria-busy="busy || undefined" @click="press">
      <Picture v-if="node.data.icon" :name="node.data.icon" :icons="icons"/><span>{{ node.data.label }}</span>
    </button>`,
  methods: {
    async press() {
      const { confirm, label, kind } = this.node.data;
      if (this.busy || this.page.off()) return;
      if (confirm && !(await this.page.ask({ text: confirm, action: label, danger: kind === "danger" }))) return;
      this.busy = true;
      await this.page.send(this.node.id, "press", {});
      this.busy = false;
    },
  },
};

const Badge = drawn((node, { text, tone = "neutral", icon }) => h(Chip, { class: "p-chip", text, tone, icon, icons: inject("icons") }));

const Progress = drawn((node, { label, value = null, tone }) => {
  const known = value !== null;
  return h("div", { class: "m-meter" }, [
    label || known ? h("p", { class: "m-meter-head" }, [h("b", label), h("span", known ? `${Math.round(value)} %` : "")]) : null,
    known
      ? h(Bar, { share: value, role: "progressbar", label: label || "Progress", level: TILE_LEVELS[tone] ?? "" })
      : h("div", { class: "m-bar p-unknown", role: "progressbar", "aria-label": label || "Progress" }, [h("i")]),
  ]);
});

const Link = drawn((node, { text, href, icon }) => {
  const attributes = safeLink(href);
  const inner = [icon ? h(Picture, { name: icon, icons: inject("icons") }) : null, h("span", text)];
  return attributes ? h("a", { ...attributes, class: "t-link p-link" }, inner) : h("span", { class: "p-link" }, inner);
});

const Code = drawn((node, { text, label }) =>
  h("div", { class: "t-code p-code" }, [
    h("pre", { tabindex: 0, "aria-label": label || "Code" }, [h("code", text)]),
    h("button", { type: "button", class: "t-iconbtn", "aria-label": `Copy ${label || "code"}`, title: "Copy", "data-copy": text },
      [h(Picture, { name: "copy", icons: inject("icons") })]),
  ]),
);

const Log = {
  mixins: [EndFollowing],
  components: { Picture },
  props: { node: Object },
  inject: ["icons"],
  template: `
    <div class="p-log">
      <p v-if="node.data.label" class="p-label">{{ node.data.label }}</p>
      <div class="t-log-box">
        <div ref="lines" class="t-log-lines" role="log" :aria-label="node.data.label || 'Log'" tabindex="0" @scroll.passive="scrolled">
          <p v-if="!lines.length" class="t-log-none">Nothing was written yet.</p>
          <div v-for="(line, place) in lines" :key="node.data.first + place" v-memo="[line]" class="p-log-line">{{ line || " " }}</div>
        </div>
        <button v-if="!atEnd" type="button" class="t-btn t-log-newest" @click="toEnd">
          <Picture name="arrow-down-to-line" :icons="icons"/><span>Newest</span></button>
      </div>
    </div>`,
  computed: {
    lines() {
      return this.node.data.lines ?? [];
    },
  },
  watch: {
    lines() {
      if (this.atEnd) this.toEnd();
    },
  },
  mounted() {
    this.toEnd();
  },
};

const PageTabs = {
  components: { Children, Picture, Tabs },
  props: { node: Object },
  inject: ["icons"],
  template: `<Tabs :tabs="tabs" :wanted="node.shown" :icons="icons"><template #panel="{ tab }"><div class="p-column"><Children :node="tab.node"/></div></template></Tabs>`,
  computed: {
    tabs() {
      return this.node.children.map((node) => ({ key: node.key, label: node.data.label, icon: node.data.icon, node }));
    },
  },
};

const Table = {
  components: { DataTable },
  inject: ["page", "icons"],
  props: { node: Object },
  template: `
    <div class="p-table">
      <DataTable v-if="rows.length" :columns="columns" :rows="rows" :caption="node.data.caption" :icons="icons" :sort="sort"
                 marker="" :descending="descending" :held="page.off() ? ['*'] : held" @sort="sortBy" @action="act"/>
      <p v-else class="p-none">{{ node.data.empty || "Nothing here yet." }}</p>
    </div>`,
  data() {
    return { sort: null, descending: false, held: [] };
  },
  computed: {
    columns() {
      return (this.node.data.columns ?? []).map((column) => ({ ...column, classes: column.wide ? "wide" : "" }));
    },
    rows() {
      const rows = (this.node.data.rows ?? []).map((row) => this.safe(row));
      if (!this.sort) return rows;
      const sign = this.descending ? -1 : 1;
      return rows.sort((one, other) => sign * order(own(one, this.sort), own(other, this.sort)));
    },
  },
  created() {
    this.drawnRows = new WeakMap(); // a row that did not change is not drawn anew
  },
  methods: {
    safe(row) {
      if (!this.drawnRows.has(row)) {
        const actions = this.columns.filter(({ kind }) => kind === "actions").map(({ key }) => [key, (own(row, key) ?? []).map(action)]);
        this.drawnRows.set(row, { ...row, ...Object.fromEntries(actions), href: safeLink(row.href)?.href });
      }
      return this.drawnRows.get(row);
    },
    sortBy(key) {
      this.descending = this.sort === key && !this.descending;
      this.sort = key;
    },
    async act({ row, name }) {
      const held = `${row} ${name}`;
      const given = this.rows.find((one) => one.key === row);
      const pressed = this.columns.flatMap(({ key, kind }) => (kind === "actions" ? given[key] : [])).find((one) => one.name === name);
      const question = pressed.confirm && { text: pressed.confirm, action: pressed.label, danger: pressed.danger };
      if (question && !(await this.page.ask(question))) return;
      this.held = [...this.held, held];
      await this.page.send(this.node.id, "action", { row, name });
      this.held = this.held.filter((one) => one !== held);
    },
  },
};

const action = (one) => ({ ...one, classes: one.danger ? "bad" : "" });
const plain = (value) => (value !== null && typeof value === "object" ? value.text : value) ?? null;

// What is not there comes first; numbers by size, words as people sort them.
function order(one, other) {
  const [left, right] = [plain(one), plain(other)];
  if (left === null || right === null) return Number(right === null) - Number(left === null) || 0;
  if (typeof left === "number" && typeof right === "number") return left - right;
  return String(left).localeCompare(String(right), undefined, { numeric: true });
}

const DRAWERS = {
  column: drawn((node) => h("div", { class: "p-column" }, h(Children, { node }))),
  row: drawn((node) => h("div", { class: "p-row" }, h(Children, { node }))),
  card: PageCard, text: Text, markdown: Markdown, metric: Metric, table: Table, chart: PageChart, button: Button, form: PageForm,
  field: PageField, badge: Badge, progress: Progress, log: Log, code: Code, tabs: PageTabs, link: Link,
};
for (const [type, component] of Object.entries(DRAWERS)) kinds.set(type, component);
