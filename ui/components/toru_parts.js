// Small parts that several figures are drawn with: a bar, a sparkline.
import { has } from "toru_figures";

// How much of something is used, in percent; null, for what is not known, is an empty track that says nothing.
export const Bar = {
  props: { share: Number, label: String, level: String },
  template: `
    <div v-if="share === null" class="m-bar" aria-hidden="true"></div>
    <div v-else class="m-bar" :class="level" role="meter" aria-valuemin="0" aria-valuemax="100"
         :aria-valuenow="Math.round(share)" :aria-label="label">
      <i :style="{ width: Math.min(100, share) + '%' }"></i>
    </div>`,
};

const WIDTH = 84, HEIGHT = 32, EDGE = 3;

// The last minute as a line. `least` is the smallest range that fills the height, so that noise stays small.
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

// The values as strokes of [x, y], newest at the right edge; what was not measured parts them.
function strokes(values, least, points) {
  const known = values.filter(has);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const range = Math.max(high - low, least);
  const floor = Math.max(0, Math.min(low, (low + high - range) / 2));
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
