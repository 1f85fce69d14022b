// A moment or a span of time, told in the reader's own clock and kept true while it is shown.
import { full, now, told } from "/static/time.js";

export default {
  template: `<time :datetime="since" :title="title">{{ text }}</time>`,
  props: { since: String, until: String, mode: String },
  data() {
    return { now: now() };
  },
  computed: {
    text() {
      return this.since ? told(this.mode, this.since, this.until, this.now) : "";
    },
    title() {
      return this.since ? full(new Date(this.since)) : undefined;
    },
    pace() {
      return this.mode === "elapsed" && !this.until ? 1000 : this.mode === "date" || this.until ? 0 : 15000;
    },
  },
  watch: {
    pace() {
      this.restart();
    },
  },
  mounted() {
    this.restart();
  },
  beforeUnmount() {
    clearInterval(this.timer);
  },
  methods: {
    restart() {
      clearInterval(this.timer);
      this.now = now();
      if (this.pace) this.timer = setInterval(() => { this.now = now(); }, this.pace);
    },
  },
};
