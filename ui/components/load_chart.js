// CPU and memory of the last hour. The past comes by REST, the present by the live socket; nothing passes NiceGUI.
import { percent } from "toru_figures";
import { Following, history, machine } from "toru_machine";

const HOUR = 3600;
const LEAST_SPAN = 300; // seconds that the axis shows at least, so that a fresh start is no single dot
const COLUMNS = [["cpu", "cpu_percent"], ["memory", "memory_percent"]];

export default {
  mixins: [Following],
  props: { options: Object },
  template: `
    <div class="m-chart" :class="{ stale }" :data-points="points">
      <ul class="m-legend">
        <li v-for="(series, index) in options.series" :key="series.name">
          <i :style="{ background: series.itemStyle.color }"></i>{{ series.name }} <b>{{ now(index) }}</b>
        </li>
      </ul>
      <div class="m-chart-plot" role="img" :aria-label="summary" :aria-busy="phase === 'loading'"><div ref="plot"></div></div>
      <p v-if="phase === 'loading'" class="m-chart-note t-loading" role="status"><span class="t-sr">Loading</span><span class="t-skeleton"></span></p>
      <p v-else-if="phase === 'empty'" class="m-chart-note" role="status">Nothing measured yet.</p>
      <p v-else-if="phase === 'failed'" class="m-chart-note" role="alert">{{ problem }}
        <button type="button" class="t-btn plain" @click="begin">Try again</button></p>
    </div>`,
  data() {
    return { phase: "loading", problem: "", points: 0 };
  },
  computed: {
    summary() {
      return `CPU and memory over the last hour. Now: CPU ${this.now(0)}, memory ${this.now(1)}.`;
    },
    follows() {
      return machine.connection;
    },
  },
  watch: {
    sample: "add",
    follows(connection) {
      if (connection !== this.loadedFor) this.load();
    },
  },
  mounted() {
    window.addEventListener("toru:theme", this.paint);
    this.begin();
  },
  beforeUnmount() {
    window.removeEventListener("toru:theme", this.paint);
    this.resizing?.disconnect();
    this.chart?.dispose();
    this.chart = null;
  },
  methods: {
    update_chart() {}, // NiceGUI calls it on every chart that it draws or redraws; ours is not fed by it
    // The drawing library comes with the first chart, not with the page, and like everything it may not come.
    async begin() {
      const library = this.chart ? null : import("nicegui-echart");
      const [, drawing] = await Promise.allSettled([this.load(), library]);
      if (!this.$refs.plot) return; // left meanwhile
      if (drawing.status === "rejected") {
        this.problem = "The chart could not be loaded.";
        this.phase = "failed";
        return;
      }
      if (!this.chart) this.create(drawing.value.echarts);
      this.draw();
    },
    create(echarts) {
      const tooltip = { ...this.options.tooltip, valueFormatter: (value) => percent(value, 1) };
      this.chart = echarts.init(this.$refs.plot);
      this.chart.setOption({ ...this.options, tooltip });
      this.resizing = new ResizeObserver(() => this.chart.resize());
      this.resizing.observe(this.$refs.plot);
      this.paint();
    },
    now(index) {
      return percent(this.sample?.[COLUMNS[index][1]]);
    },
    async load() {
      const loadedFor = Math.max(1, machine.connection); // the first one is about to come
      if (this.phase === "failed") this.phase = "loading";
      try {
        const past = await history(HOUR);
        this.loadedFor = loadedFor;
        this.take(past);
        if (this.sample) this.add(this.sample);
        this.draw();
      } catch (error) {
        this.problem = error.message;
        if (!this.past) this.phase = "failed";
      }
    },
    take(past) {
      const start = Date.parse(past.start);
      const at = (index) => start + index * past.interval * 1000;
      this.past = {
        interval: past.interval,
        tick: past.tick + (past.cpu.length - 1) * past.interval, // of the newest entry
        origin: start - past.tick * 1000, // when tick 0 was
        columns: COLUMNS.map(([name]) => past[name].map((value, index) => [at(index), value])),
      };
      this.tellPhase();
    },
    tellPhase() {
      const known = this.past.columns.some((entries) => entries.some(([, value]) => value !== null));
      this.phase = known ? "shown" : "empty";
    },
    // A sample belongs to the newest entry, as part of its mean, or begins the next one.
    add(sample) {
      const past = this.past;
      if (!past || this.loadedFor !== machine.connection) return;
      const bucket = Math.floor(sample.tick / past.interval) * past.interval;
      if (bucket < past.tick) return;
      if (bucket > past.tick + past.interval) return this.load(); // we slept, or the server did: it knows
      COLUMNS.forEach(([, name], column) => {
        const entries = past.columns[column];
        const time = (tick) => past.origin + tick * 1000;
        if (bucket > past.tick || !entries.length) entries.push([time(bucket), sample[name]]);
        else entries[entries.length - 1] = [time(bucket), mean(entries.at(-1)[1], sample[name], sample.tick - bucket + 1)];
        entries.splice(0, entries.length - HOUR / past.interval);
      });
      const isNew = bucket > past.tick;
      past.tick = bucket;
      if (this.phase === "empty") this.tellPhase();
      if (isNew || past.columns[0].length < 60) this.draw(); // one pixel is six seconds: no need to draw each
    },
    draw() {
      if (!this.chart || !this.past) return;
      const end = this.sample ? Date.parse(this.sample.sampled_at) : Date.now();
      const first = this.past.columns[0][0]?.[0] ?? end;
      const min = Math.max(end - HOUR * 1000, Math.min(first, end - LEAST_SPAN * 1000));
      const shown = this.past.columns.map((entries) => entries.filter(([time]) => time >= min));
      this.points = shown[0].length;
      this.chart.setOption({ xAxis: { min, max: end }, series: shown.map((data) => ({ data })) });
    },
    // What the style sheet knows better: letters and lines in light and dark.
    paint() {
      const style = getComputedStyle(document.documentElement);
      const [ink, grid] = ["--ink-3", "--chart-grid"].map((name) => style.getPropertyValue(name).trim());
      const axisLabel = { color: ink };
      this.chart?.setOption({
        textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
        xAxis: { axisLabel },
        yAxis: { axisLabel, splitLine: { lineStyle: { color: grid } } },
      });
    },
  },
};

function mean(before, value, count) {
  if (value === null || value === undefined) return before;
  return before === null ? value : before + (value - before) / count;
}
