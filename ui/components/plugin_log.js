// A plugin's log: oldest line first, the newest in view as they come, older ones on demand.
import { EndFollowing } from "end_following";
import { Chip } from "toru_parts";

const LEVELS = [["", "All levels"], ["debug", "Debug and above"], ["info", "Info and above"], ["warn", "Warnings and errors"], ["error", "Errors only"]];
const PAGE = 200;
const MOST = 2000; // lines kept in the page
const CALM = 100; // milliseconds between two looks at what came: a flood must not draw each line by itself

export default {
  mixins: [EndFollowing],
  components: { Chip },
  template: `
    <section class="t-log" aria-label="Log">
      <div class="t-row" role="search">
        <div class="t-log-search">
          <svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use :href="icons + '#search'"/></svg>
          <input class="t-input" type="search" aria-label="Search the log" placeholder="Search the log" maxlength="200"
                 autocomplete="off" spellcheck="false" v-model="search" @input="later">
        </div>
        <div class="t-select t-log-level">
          <select class="t-input" aria-label="Level" v-model="level" @change="restart">
            <option v-for="[key, text] in levels" :key="key" :value="key">{{ text }}</option>
          </select>
        </div>
        <button type="button" class="t-btn" :aria-pressed="String(live)" @click="toggle">
          <svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use :href="icons + (live ? '#pause' : '#play')"/></svg>
          <span>{{ live ? 'Pause' : 'Go on' }}</span>
        </button>
        <Chip :text="state.text" :tone="state.tone" :icon="state.icon" role="status"/>
      </div>
      <div class="t-log-box">
        <div ref="lines" class="t-log-lines" role="log" aria-label="Lines" aria-live="off" tabindex="0" @scroll.passive="scrolled">
          <button v-if="more" type="button" class="t-btn quiet t-log-more" :disabled="busy" @click="older">Show older lines</button>
          <p v-if="failed" class="t-log-none" role="alert">{{ failed }}</p>
          <p v-else-if="!lines.length" class="t-log-none">{{ busy ? 'Reading the log …' : level || search ? 'No line matches.' : 'Nothing was written yet.' }}</p>
          <div v-for="line in lines" :key="line.key" class="t-log-line" :class="line.level">
            <time :datetime="line.timestamp" :title="line.timestamp">{{ line.clock }}</time>
            <b>{{ line.level }}</b>
            <span>{{ line.message }}<em v-if="line.error">{{ line.error }}</em></span>
          </div>
        </div>
        <button v-if="!atEnd" type="button" class="t-btn t-log-newest" @click="toEnd">
          <svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use :href="icons + '#arrow-down-to-line'"/></svg>
          <span>Newest</span>
        </button>
      </div>
    </section>`,
  props: { plugin: String, icons: String },
  data() {
    return {
      levels: LEVELS, level: "", search: "", lines: [], more: false, busy: false, failed: "", live: true, linked: false,
    };
  },
  computed: {
    state() {
      if (!this.live) return { text: "Paused", tone: "neutral" };
      return this.linked ? { text: "Live", tone: "ok", icon: "dot" } : { text: "Connecting", tone: "warn", icon: "dot" };
    },
  },
  created() {
    this.number = 0; // of the next line, as a key
    this.round = 0; // of the filter; answers to an older one come too late
    this.page = 0;
    this.pending = []; // lines that are shown in a moment
    this.soon = null;
  },
  mounted() {
    this.restart();
  },
  beforeUnmount() {
    this.round++;
    clearTimeout(this.timer);
    clearTimeout(this.soon);
    this.source?.close();
  },
  methods: {
    query(more) {
      const filter = { ...(this.level && { level: this.level }), ...(this.search.trim() && { search: this.search.trim() }) };
      return new URLSearchParams({ ...filter, ...more }).toString();
    },
    later() {
      clearTimeout(this.timer);
      this.timer = setTimeout(this.restart, 250);
    },
    toggle() {
      this.live = !this.live;
      if (this.live) this.restart();
      else this.unlink();
    },
    unlink() {
      this.source?.close();
      this.source = null;
      this.linked = false;
    },
    // First the stream, then what is there already: nothing falls between the two, and what both have is shown once.
    restart() {
      const round = ++this.round;
      this.unlink();
      this.fresh = null;
      this.pending = [];
      if (!this.live) return this.read(round);
      const source = this.source = new EventSource(`/api/plugins/${this.plugin}/logs/stream?${this.query()}`);
      source.addEventListener("open", () => {
        this.linked = true;
        this.fresh = [];
        this.read(round); // also after a break: what came meanwhile is in the file
      });
      source.addEventListener("line", (event) => this.take(JSON.parse(event.data)));
      source.addEventListener("skipped", (event) => {
        const { skipped } = JSON.parse(event.data);
        this.take({ timestamp: "", level: "warn", message: `${skipped} lines came too fast and are only in the file.` });
      });
      source.addEventListener("error", () => {
        this.linked = false;
        if (source.readyState !== EventSource.CLOSED) return; // it tries again by itself
        window.toruSession.check();
        clearTimeout(this.timer);
        this.timer = setTimeout(this.restart, 3000);
        if (!this.lines.length) this.read(round);
      });
    },
    async read(round) {
      this.busy = true;
      const found = await this.fetched(0);
      if (round !== this.round || !this.$refs.lines) return;
      this.busy = false;
      if (!found) return;
      const told = new Map();
      for (const line of found) told.set(same(line), (told.get(same(line)) ?? 0) + 1);
      const fresh = (this.fresh ?? []).filter((line) => {
        const left = told.get(same(line)) ?? 0;
        told.set(same(line), left - 1);
        return left <= 0;
      });
      this.fresh = null;
      this.page = 0;
      this.more = found.length === PAGE;
      this.lines = [...found.reverse(), ...fresh].map(this.row);
      this.toEnd();
    },
    async older() {
      const round = this.round, box = this.$refs.lines;
      this.busy = true;
      const found = await this.fetched(this.page + 1);
      this.busy = false;
      if (round !== this.round || !found) return;
      this.page++;
      this.more = found.length === PAGE && this.lines.length < MOST;
      const fromEnd = box.scrollHeight - box.scrollTop;
      // Lines that came meanwhile moved the pages on: what is shown already comes once more and is left out.
      const shown = new Set(this.lines.map(same));
      this.lines = [...found.reverse().filter((line) => !shown.has(same(line))).map(this.row), ...this.lines];
      await this.$nextTick();
      box.scrollTop = box.scrollHeight - fromEnd;
    },
    async fetched(page) {
      this.failed = "";
      try {
        const answer = await fetch(`/api/plugins/${this.plugin}/logs?${this.query({ page, page_size: PAGE })}`);
        if (answer.status === 401) window.toruSession.check();
        const told = await answer.json();
        if (answer.ok) return told.logs;
        this.failed = told.error;
      } catch {
        this.failed = "The server cannot be reached.";
      }
      return null;
    },
    take(line) {
      if (this.fresh) return void this.fresh.push(line);
      this.pending.push(line);
      this.soon ??= setTimeout(this.add, CALM);
    },
    add() {
      this.soon = null;
      this.lines.push(...this.pending.splice(0).slice(-MOST).map(this.row));
      if (this.atEnd) {
        if (this.lines.length > MOST) {
          this.lines.splice(0, this.lines.length - MOST);
          this.more = true;
        }
        this.$nextTick(this.toEnd);
      } else if (this.lines.length > 2 * MOST) {
        this.lines.splice(MOST);
      }
    },
    row(line) {
      const moment = new Date(line.timestamp);
      const known = !Number.isNaN(moment.getTime());
      const clock = known ? moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }) : "";
      const today = known && moment.toDateString() === new Date().toDateString();
      const day = known && !today ? moment.toLocaleDateString([], { day: "numeric", month: "short" }) + " " : "";
      return Object.freeze({ ...line, key: this.number++, clock: day + clock });
    },
  },
};

const same = (line) => `${line.timestamp} ${line.level} ${line.message} ${line.error ?? ""}`;
