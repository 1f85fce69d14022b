// A table of plain data in one element: a real table on wide screens, one card a row on narrow ones (by style sheet).
// Columns say what their values are; nothing here is ever read as HTML.
import { figure, own } from "toru_figures";
import { Chip, Picture } from "toru_parts";
import { full, told, now } from "/static/time.js";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

function bytes(value) {
  if (value < 0) return `-${bytes(-value)}`;
  let unit = 0;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${unit === 0 || value >= 100 ? figure(value, 0) : value.toFixed(1)} ${UNITS[unit]}`;
}

const DAY = 86400, MOST_DAYS = 1000; // a clock of more than this many days is nothing that anybody could read

function seconds(value) {
  if (value < 0) return `-${seconds(-value)}`;
  if (value >= MOST_DAYS * DAY) return `${figure(Math.floor(value / DAY), 0)} d`;
  if (value < 60) return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
  return told("elapsed", new Date(0).toISOString(), new Date(value * 1000).toISOString(), 0);
}

const FIGURES = ["bytes", "rate", "percent", "seconds"];

function day(value) {
  return new Date(value).toLocaleDateString([], { dateStyle: "medium", timeZone: "UTC" });
}

export default {
  components: { Chip, Picture },
  template: `
    <div class="t-table-wrap"><table class="t-table" :class="{ stack: stack }">
      <caption class="t-sr">{{ caption }}</caption>
      <thead><tr>
        <th v-for="column in columns" :key="column.key" scope="col" :class="kindOf(column)"
            :aria-sort="sort === column.key ? (descending ? 'descending' : 'ascending') : undefined">
          <button v-if="column.sortable" type="button" class="t-sort" @click="$emit('sort', column.key)">
            {{ column.label }}<svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use
            :href="icons + (sort === column.key ? (descending ? '#chevron-down' : '#chevron-up') : '#chevrons-up-down')"/></svg>
          </button>
          <template v-else-if="column.label">{{ column.label }}</template>
          <span v-else class="t-sr">Actions</span>
        </th>
      </tr></thead>
      <tbody>
        <tr v-for="row in rows" :key="row.key" v-memo="[row, columns, marked, held, icons, moment]" :class="{ linked: row.href, marked: row.key === marked }"
            :aria-current="row.key === marked ? 'true' : undefined">
          <td v-for="(column, index) in columns" :key="column.key" :class="kindOf(column)" :data-label="column.label"
              :title="['text', 'mono', 'strong', undefined].includes(column.kind) ? text(column, row) : undefined">
            <template v-if="column.kind === 'actions'">
              <button v-for="action in cell(column, row)" :key="action.name" type="button"
                      :class="[action.icon ? 't-iconbtn small' : 't-btn quiet', action.classes, { busy: isHeld(row, action) }]"
                      :aria-label="action.icon ? action.label : undefined" :title="action.icon ? action.label : undefined"
                      :disabled="action.disabled" :aria-disabled="isHeld(row, action) || undefined"
                      @click="isHeld(row, action) || $emit('action', { row: row.key, name: action.name })">
                <Picture v-if="action.icon" :name="action.icon" :icons="icons"/><template v-else>{{ action.label }}</template>
              </button>
            </template>
            <a v-else-if="row.href && index === 0" :href="row.href" class="t-row-link">{{ text(column, row) }}</a>
            <Chip v-else-if="column.kind === 'chip' && cell(column, row)" v-bind="cell(column, row)" :icons="icons"/>
            <span v-else-if="column.kind === 'icon'" class="t-tile" aria-hidden="true">
              <Picture :name="cell(column, row).name ?? cell(column, row).text" :icons="icons"/>
            </span>
            <time v-else-if="['time', 'date'].includes(column.kind) && cell(column, row)" :datetime="cell(column, row)"
                  :title="exact(cell(column, row))">{{ text(column, row) }}</time>
            <span v-else-if="column.kind === 'strong' && row[marker]" class="t-marked">{{ text(column, row) }}</span>
            <template v-else>{{ text(column, row) }}</template>
            <Chip v-if="column.kind === 'strong' && row[marker]" class="t-mark" v-bind="row[marker]" :icons="icons"/>
          </td>
        </tr>
      </tbody>
    </table></div>`,
  props: {
    columns: Array, rows: Array, caption: String, icons: String, sort: String, descending: Boolean,
    stack: { type: Boolean, default: true }, marked: String,
    marker: { type: String, default: "mark" }, // what in a row is a chip beside its strong words; no column has that key
    held: Array, // "row action" of buttons whose answer is awaited, "*" for all of them
  },
  emits: ["action", "sort"],
  data() {
    return { now: now() };
  },
  mounted() {
    this.timer = setInterval(() => { this.now = now(); }, this.ticks ? 1000 : 15000);
    this.scrollToMarked();
  },
  beforeUnmount() {
    clearInterval(this.timer);
  },
  computed: {
    ticks() {
      return this.columns.some((column) => column.kind === "elapsed");
    },
    // What a row looks at besides itself: drawn rows stay as they are until it changes.
    moment() {
      return this.columns.some((column) => ["elapsed", "time"].includes(column.kind)) ? this.now : 0;
    },
  },
  methods: {
    kindOf(column) {
      return [column.kind || "text", column.classes];
    },
    isHeld(row, action) {
      return Boolean(this.held?.includes("*") || this.held?.includes(`${row.key} ${action.name}`));
    },
    exact(moment) {
      return full(new Date(moment));
    },
    scrollToMarked() {
      if (this.marked) this.$el.querySelector("tr.marked")?.scrollIntoView({ block: "center" });
    },
    cell(column, row) {
      return own(row, column.key);
    },
    text(column, row) {
      const value = this.cell(column, row);
      if (value === null || value === undefined || value === "") return column.none ?? "–";
      if (FIGURES.includes(column.kind) && typeof value !== "number") return String(value);
      switch (column.kind) {
        case "bytes": return bytes(value);
        case "rate": return `${bytes(value)}/s`;
        case "percent": return `${Math.abs(value) < 1e6 ? value.toFixed(1) : figure(value, 0)} %`;
        case "seconds": return seconds(value);
        case "time": return told("ago", value, null, this.now);
        case "date": return value.length > 10 ? told("date", value, null, this.now) : day(value);
        case "elapsed": return told("elapsed", value[0], value[1], this.now);
        default: return String(value);
      }
    },
  },
};
