// Rows of the audit: each a line that opens to everything that is known of it. Nothing here is read as HTML.
import { full, now, told } from "/static/time.js";

export default {
  template: `
    <ol class="audit-list">
      <li v-for="row in rows" :key="row.key" :class="{ open: open.has(row.key) }">
        <button type="button" class="audit-line" :aria-expanded="open.has(row.key)" :aria-controls="'audit-' + row.key"
                @click="toggle(row.key)">
          <span class="t-tile" :class="row.tone"><svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use
            :href="icons + '#' + row.icon"/></svg></span>
          <span class="audit-what"><b>{{ row.phrase }}</b> <span v-if="row.about">{{ row.about }}</span></span>
          <span v-if="row.outcome" class="t-chip audit-outcome" :class="row.tone">{{ row.outcome }}</span>
          <span class="audit-who">{{ row.actor }}</span>
          <span class="audit-address t-mono">{{ row.address }}</span>
          <time :datetime="row.at" :title="exact(row.at)">{{ ago(row.at) }}</time>
          <svg class="t-icon audit-arrow" aria-hidden="true" viewBox="0 0 24 24"><use :href="icons + '#chevron-down'"/></svg>
        </button>
        <div v-if="open.has(row.key)" :id="'audit-' + row.key" class="audit-facts">
          <dl class="t-facts">
            <div><dt>Row</dt><dd>{{ row.key }}</dd></div>
            <div><dt>Time</dt><dd>{{ exact(row.at) }}</dd></div>
            <div v-for="[name, value] in row.facts.filter(([, value]) => value)" :key="name"><dt>{{ name }}</dt><dd>{{ value }}</dd></div>
          </dl>
          <p class="audit-hash"><span>Hash</span><code>{{ row.hash }}</code></p>
          <p class="audit-hash"><span>Hash of the row before</span><code>{{ row.before }}</code></p>
        </div>
      </li>
    </ol>`,
  props: { rows: Array, icons: String },
  data() {
    return { now: now(), open: new Set() };
  },
  mounted() {
    this.timer = setInterval(() => { this.now = now(); }, 15000);
  },
  beforeUnmount() {
    clearInterval(this.timer);
  },
  methods: {
    exact: (moment) => full(new Date(moment)),
    ago(moment) {
      return told("ago", moment, null, this.now);
    },
    toggle(key) {
      if (!this.open.delete(key)) this.open.add(key);
    },
  },
};
