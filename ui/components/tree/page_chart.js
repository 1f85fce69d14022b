// A chart of a plugin: lines, areas or bars. Colours and lines come from theme/charts.py, letters from the style sheet.

import { figure } from "toru_figures";

const MOST = 1e100; // what is larger cannot be drawn beside anything else, and would leave the axes without numbers

export const PageChart = {
  props: { node: Object },
  inject: ["chartLook"],
  template: `
    <figure class="p-chart" :class="data.height ?? 'medium'">
      <figcaption class="p-chart-head"><b v-if="data.label">{{ data.label }}</b>
        <ul v-if="series.length > 1" class="m-legend">
          <li v-for="(one, index) in series" :key="one.name"><i :style="{ background: colour(index) }"></i>{{ one.name }}</li>
        </ul>
      </figcaption>
      <div class="m-chart-plot">
        <div ref="plot" role="img" :aria-label="summary"></div>
        <p v-if="!points" class="m-chart-note" role="status">Nothing measured yet.</p>
        <p v-else-if="failed" class="m-chart-note" role="alert">The chart could not be loaded.
          <button type="button" class="t-btn plain" @click="begin">Try again</button></p>
      </div>
    </figure>`,
  data() {
    return { failed: false };
  },
  computed: {
    data() {
      return this.node.data;
    },
    series() {
      return this.data.series ?? [];
    },
    points() {
      return this.series.reduce((sum, one) => sum + one.data.length, 0);
    },
    summary() {
      const latest = this.series.map((one) => {
        const value = valueOf(one.data.at(-1));
        return value === undefined || value === null ? one.name : `${one.name} ${this.told(value)}`;
      });
      return [this.data.label, latest.join(", ")].filter(Boolean).join(": ");
    },
  },
  watch: {
    data() {
      this.frame ??= requestAnimationFrame(this.draw);
    },
  },
  mounted() {
    window.addEventListener("toru:theme", this.draw);
    this.begin();
  },
  beforeUnmount() {
    window.removeEventListener("toru:theme", this.draw);
    cancelAnimationFrame(this.frame);
    this.resizing?.disconnect();
    this.chart?.dispose();
    this.chart = null;
  },
  methods: {
    // The drawing library comes with the first chart, not with the page, and like everything it may not come.
    async begin() {
      this.failed = false;
      try {
        const { echarts } = await import("nicegui-echart");
        if (!this.$refs.plot || this.chart) return; // left meanwhile
        this.chart = echarts.init(this.$refs.plot);
        this.resizing = new ResizeObserver(() => this.chart?.resize());
        this.resizing.observe(this.$refs.plot);
        this.draw();
      } catch {
        this.failed = true;
      }
    },
    look(index) {
      return this.chartLook.series[index % this.chartLook.series.length];
    },
    colour(index) {
      return this.look(index).line.itemStyle.color;
    },
    told(value) {
      const number = figure(value, 2);
      return this.data.unit ? `${number} ${this.data.unit}` : number;
    },
    draw() {
      this.frame = undefined;
      if (!this.chart) return;
      const { base, x, y } = this.chartLook;
      const style = getComputedStyle(document.documentElement);
      const [ink, grid] = ["--ink-3", "--chart-grid"].map((name) => style.getPropertyValue(name).trim());
      const letters = { color: ink };
      const time = (this.data.x ?? "time") === "time";
      this.chart.setOption({
        ...base,
        textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
        tooltip: { ...base.tooltip, valueFormatter: (value) => (typeof value === "number" ? this.told(value) : "–") },
        xAxis: { ...x, ...this.axis(), axisLabel: { ...x.axisLabel, ...letters, ...(time && { formatter: clock }) } },
        yAxis: {
          ...y, min: drawable(this.data.min) ?? undefined, max: drawable(this.data.max) ?? undefined, scale: this.data.kind !== "bar" && this.data.kind !== "area",
          axisLabel: { ...y.axisLabel, ...letters, formatter: (value) => this.told(value) },
          splitLine: { lineStyle: { color: grid } },
        },
        series: this.series.map((one, index) => {
          const data = one.data.map((point) => (Array.isArray(point) ? [place(point[0]), drawable(point[1])] : drawable(point)));
          return { ...this.look(index)[this.data.kind ?? "line"], name: one.name, data };
        }),
      }, { replaceMerge: ["series"] });
    },
    axis() {
      if (this.data.x === "category") return { type: "category", data: this.data.categories ?? [] };
      return { type: this.data.x === "number" ? "value" : "time", scale: true };
    },
  },
};

const drawable = (value) => (Math.abs(value) <= MOST ? value : null);
const place = (x) => (typeof x === "string" ? Date.parse(x) : drawable(x));
const valueOf = (point) => (Array.isArray(point) ? point[1] : point);

function clock(moment) {
  const then = new Date(moment);
  const [hour, minute, second] = [then.getHours(), then.getMinutes(), then.getSeconds()].map((part) => String(part).padStart(2, "0"));
  if (second !== "00") return `${hour}:${minute}:${second}`;
  if (hour + minute === "0000") return then.toLocaleDateString([], { day: "numeric", month: "short" });
  return `${hour}:${minute}`;
}
