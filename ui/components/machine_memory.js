// Memory and swap, live.
import { bytes, has, level, percent } from "toru_figures";
import { Following } from "toru_machine";
import { Bar } from "toru_parts";

export default {
  mixins: [Following],
  components: { Bar },
  template: `
    <div class="m-meters" :class="{ stale }" :aria-busy="!sample">
      <div v-if="!sample" class="t-loading" role="status" aria-label="Loading"><div v-for="row in 2" :key="row" class="t-skeleton"></div></div>
      <div v-for="meter in meters" :key="meter.name" class="m-meter">
        <p class="m-meter-head"><b>{{ meter.name }}</b><span>{{ meter.told }}</span></p>
        <Bar v-if="meter.share !== null" :share="meter.share" :level="level(meter.kind, meter.share)" :label="meter.name + ' used'"/>
        <p class="m-meter-foot"><span>{{ meter.left }}</span><span>{{ meter.right }}</span></p>
      </div>
    </div>`,
  computed: {
    meters() {
      return this.sample ? [memory(this.sample), swap(this.sample)] : [];
    },
  },
  methods: { level },
};

function memory(sample) {
  if (!has(sample.memory_total)) return absent("Memory", "not available");
  const free = sample.memory_total - sample.memory_used;
  return {
    name: "Memory", kind: "memory", share: sample.memory_percent, told: percent(sample.memory_percent),
    left: `${bytes(sample.memory_used)} of ${bytes(sample.memory_total)}`, right: `${bytes(free)} available`,
  };
}

function swap(sample) {
  if (!has(sample.swap_total)) return absent("Swap", "not available");
  if (!sample.swap_total) return absent("Swap", "none set up");
  const share = (100 * sample.swap_used) / sample.swap_total;
  const free = sample.swap_total - sample.swap_used;
  return {
    name: "Swap", kind: "swap", share, told: percent(share),
    left: `${bytes(sample.swap_used)} of ${bytes(sample.swap_total)}`, right: `${bytes(free)} free`,
  };
}

const absent = (name, told) => ({ name, told, share: null, left: "", right: "" });
