// The heaviest processes, asked for every few seconds while they can be seen: nobody else pays for the scan.
import { bytes, has } from "toru_figures";
import { fetchJson } from "toru_machine";

const EVERY = 3000;
const FEW = 12, MANY = 100;

export default {
  props: { icons: String },
  template: `
    <div class="m-processes" :aria-busy="!items">
      <div v-if="!items && !problem" class="t-loading m-pad" role="status" aria-label="Loading"><div v-for="row in 4" :key="row" class="t-skeleton"></div></div>
      <div v-else-if="!items" class="t-state bad" role="alert">
        <p class="t-state-title">{{ problem }}</p><button type="button" class="t-btn plain" @click="load">Try again</button>
      </div>
      <template v-else>
        <div class="t-table-wrap" :class="{ stale: problem }">
          <table class="t-table m-table">
            <caption class="t-sr">Processes by use</caption>
            <thead><tr>
              <th scope="col">Process</th><th scope="col" class="wide">User</th><th scope="col" class="number wide">PID</th>
              <th v-for="column in columns" :key="column.sort" scope="col" class="percent" :aria-sort="sort === column.sort ? 'descending' : undefined">
                <button type="button" class="t-sort m-sort" :title="column.title" @click="sortBy(column.sort)">{{ column.label }}
                  <svg class="t-icon" :class="{ off: sort !== column.sort }" viewBox="0 0 24 24" aria-hidden="true"><use :href="icons + '#chevron-down'"/></svg>
                </button>
              </th>
            </tr></thead>
            <tbody>
              <tr v-for="one in items" :key="one.pid">
                <th scope="row" :title="one.name">{{ one.name }}</th>
                <td class="text wide" :title="one.username">{{ one.username ?? "–" }}</td><td class="number wide">{{ one.pid }}</td>
                <td class="percent">{{ one.cpu_percent.toFixed(1) }} %</td>
                <td class="percent" :title="has(one.memory_percent) ? one.memory_percent + ' % of the memory' : undefined">{{ bytes(one.memory) }}</td>
              </tr>
            </tbody>
          </table>
        </div>
        <p v-if="problem" class="t-sub m-pad" role="status">{{ problem }} Trying again …</p>
        <p v-if="!complete" class="t-sub m-pad">This machine hides other users' processes.</p>
        <button v-if="total > few" type="button" class="t-btn quiet m-more" @click="toggle">{{ limit > few ? "Show fewer" : "Show more of " + total }}</button>
      </template>
    </div>`,
  data() {
    return { items: null, total: 0, complete: true, sort: "cpu", limit: FEW, problem: "", few: FEW };
  },
  created() {
    this.columns = [
      { sort: "cpu", label: "CPU", title: "Sort by CPU: share of one core" },
      { sort: "memory", label: "Memory", title: "Sort by memory" },
    ];
  },
  mounted() {
    document.addEventListener("visibilitychange", this.load);
    this.load();
  },
  beforeUnmount() {
    document.removeEventListener("visibilitychange", this.load);
    clearTimeout(this.timer);
    this.gone = true;
  },
  methods: {
    bytes,
    has,
    sortBy(sort) {
      this.sort = sort;
      this.load();
    },
    toggle() {
      this.limit = this.limit > FEW ? FEW : MANY;
      this.load();
    },
    async load() {
      clearTimeout(this.timer);
      if (document.hidden || this.gone) return;
      const asked = `sort=${this.sort}&limit=${this.limit}`;
      try {
        const answer = await fetchJson(`/api/resources/processes?${asked}`);
        if (asked !== `sort=${this.sort}&limit=${this.limit}`) return; // another order was asked for meanwhile
        Object.assign(this, { items: answer.items, total: answer.total, complete: answer.complete, problem: "" });
      } catch (error) {
        this.problem = error.message;
      }
      clearTimeout(this.timer);
      this.timer = setTimeout(this.load, EVERY);
    },
  },
};
