// Small parts that our own pages and the trees of plugins are drawn with: picture, chip, bar, sparkline, tile.
import { has } from "toru_figures";
import { ICONS } from "/static/icon_names.js";

const LONGEST_PICTURE = 8; // code points: families and flags are long, words are no pictures
const NAME = /^[a-z0-9-]{2,}$/;
const UNKNOWN = "puzzle"; // stands for an icon that the sprite lacks

// An icon of the sprite, or a short text such as an emoji. A name that is not in the sprite is a neutral picture. `icons` is the sprite's address.
export const Picture = {
  props: { name: String, icons: String },
  computed: {
    known() {
      if (ICONS.has(this.name)) return this.name;
      return NAME.test(this.name) ? UNKNOWN : null;
    },
    text() {
      return [...this.name].length <= LONGEST_PICTURE ? this.name : "";
    },
  },
  template: `
    <svg v-if="known" class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use :href="icons + '#' + known"/></svg>
    <span v-else-if="text" class="t-emoji" aria-hidden="true">{{ text }}</span>`,
};

// A state in a word; the icon "dot" is a pulsing point.
export const Chip = {
  components: { Picture },
  props: { text: String, tone: String, icon: String, icons: String },
  template: `
    <span class="t-chip" :class="tone">
      <i v-if="icon === 'dot'" class="t-dot"></i>
      <Picture v-else-if="icon" :name="icon" :icons="icons"/>
      <span>{{ text }}</span>
    </span>`,
};

// How much of something is used or done, in percent; null, for what is not known, is an empty track that says nothing.
export const Bar = {
  props: { share: Number, label: String, level: String, role: { type: String, default: "meter" } },
  template: `
    <div v-if="share === null" class="m-bar" aria-hidden="true"></div>
    <div v-else class="m-bar" :class="level" :role="role" aria-valuemin="0" aria-valuemax="100"
         :aria-valuenow="Math.round(share)" :aria-label="label">
      <i :style="{ width: Math.min(100, share) + '%' }"></i>
    </div>`,
};

const WIDTH = 84, HEIGHT = 32, EDGE = 3;

// The last values as a line. `least` is the smallest range that fills the height, so that noise stays small.
export const Sparkline = {
  props: { values: Array, least: Number, points: Number },
  computed: {
    line() {
      return strokes(this.values ?? [], this.least, this.points).map(curve).join("");
    },
    area() {
      const parts = strokes(this.values ?? [], this.least, this.points).filter((stroke) => stroke.length > 1);
      return parts.map((part) => `${curve(part)}L${part.at(-1)[0]} ${HEIGHT}L${part[0][0]} ${HEIGHT}Z`).join("");
    },
  },
  template: `
    <svg class="m-spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
      <path class="m-spark-area" :d="area"/><path class="m-spark-line" :d="line" vector-effect="non-scaling-stroke"/>
    </svg>`,
};

// A card with one figure: number, sparkline, two notes, bar. `share` is null for an empty track, undefined for none.
export const MetricTile = {
  components: { Bar, Picture, Sparkline },
  props: {
    label: String, icon: String, icons: String, value: String, unit: String, left: String, right: String, level: String,
    share: { type: Number, default: undefined }, bar: String, values: Array, least: Number, points: Number, waiting: Boolean,
  },
  template: `
    <section class="t-card m-metric" :class="level" :aria-label="label" :aria-busy="waiting">
      <div class="m-metric-top">
        <div v-if="icon" class="t-tile"><Picture :name="icon" :icons="icons"/></div>
        <h2>{{ label }}</h2>
        <Sparkline v-if="points" :values="values" :least="least" :points="points"/>
      </div>
      <template v-if="waiting">
        <p class="m-metric-value"><span class="t-skeleton"></span></p>
        <p class="m-metric-notes"><span class="t-skeleton"></span></p>
      </template>
      <template v-else>
        <p class="m-metric-value"><b>{{ value }}</b> <small>{{ unit }}</small></p>
        <p class="m-metric-notes"><span>{{ left }}</span> <span>{{ right }}</span></p>
      </template>
      <Bar v-if="share !== undefined" :share="share" :level="level" :label="bar"/>
    </section>`,
};

const HUGE = 1e150; // the difference of larger values may be no number

// The values as strokes of [x, y], newest at the right edge; what was not measured parts them.
function strokes(values, least, points) {
  const known = values.filter(has);
  const largest = Math.max(...known.map(Math.abs));
  if (largest > HUGE) return strokes(values.map((value) => (has(value) ? value / largest : value)), least / largest, points);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const range = Math.max(high - low, least);
  const middle = Math.min(low, (low + high - range) / 2);
  const floor = low < 0 ? middle : Math.max(0, middle);
  const y = (value) => round(HEIGHT - EDGE - ((value - floor) / range) * (HEIGHT - 2 * EDGE));
  const x = (index) => round(WIDTH - ((values.length - 1 - index) * WIDTH) / (points - 1));
  const parts = [[]];
  values.forEach((value, index) => {
    if (has(value)) parts.at(-1).push([x(index), y(value)]);
    else if (parts.at(-1).length) parts.push([]);
  });
  return parts.filter((part) => part.length);
}

// A smooth line through the points: horizontal at each of them, so it never overshoots.
function curve(stroke) {
  const [first, ...rest] = stroke;
  let from = first;
  let path = `M${first[0]} ${first[1]}`;
  for (const to of rest) {
    const middle = round((from[0] + to[0]) / 2);
    path += `C${middle} ${from[1]} ${middle} ${to[1]} ${to[0]} ${to[1]}`;
    from = to;
  }
  return path;
}

const round = (value) => Math.round(value * 10) / 10;
