// A card with one figure of the machine, live each second: number, sparkline, two notes, bar.
import { count, has, level, mainDisk, percent, rate, bytes, scaled, sum, ABSENT } from "toru_figures";
import { Following, machine } from "toru_machine";
import { Bar, Sparkline } from "toru_parts";

const NOTHING = { value: ABSENT, unit: "", left: "Not available", right: "", share: null };

// What each card tells of a sample.
const TELLERS = {
  cpu(sample) {
    if (!has(sample.cpu_percent)) return NOTHING;
    return {
      value: sample.cpu_percent.toFixed(0),
      unit: "%",
      left: count(sample.cpu_cores.length, "core", "cores"),
      right: sample.load_average ? `load ${sample.load_average[0].toFixed(2)}` : "",
      share: sample.cpu_percent,
    };
  },
  memory(sample) {
    if (!has(sample.memory_used)) return NOTHING;
    const [value, unit] = scaled(sample.memory_used);
    const [total, totalUnit] = scaled(sample.memory_total);
    return {
      value,
      unit: unit === totalUnit ? `/ ${total} ${unit}` : `${unit} / ${total} ${totalUnit}`,
      left: `${percent(sample.memory_percent)} used`,
      right: sample.swap_total ? `swap ${bytes(sample.swap_used)}` : has(sample.swap_total) ? "no swap" : "",
      share: sample.memory_percent,
    };
  },
  disk(sample) {
    const disk = mainDisk(sample.disks);
    if (!disk) return { ...NOTHING, left: "No disk" };
    const [value, unit] = scaled(disk.used_space);
    const [total, totalUnit] = scaled(disk.total_space);
    return {
      value,
      unit: unit === totalUnit ? `/ ${total} ${unit}` : `${unit} / ${total} ${totalUnit}`,
      left: `${percent(disk.usage_percent)} used`,
      right: `${bytes(disk.available_space)} free`,
      share: disk.usage_percent,
    };
  },
  network(sample) {
    const total = sum(sample.network_received_rate, sample.network_transmitted_rate);
    if (!has(total)) return { ...NOTHING, left: "No network" };
    const [value, unit] = scaled(total);
    const peak = Math.max(...(machine.recent?.network ?? []).filter(has), total);
    return {
      value,
      unit: `${unit}/s`,
      left: `↓ ${rate(sample.network_received_rate)}`,
      right: `↑ ${rate(sample.network_transmitted_rate)}`,
      share: peak ? (100 * total) / peak : 0,
    };
  },
};

const BARS = { network: "Traffic against the last minute's peak" };

export default {
  mixins: [Following],
  components: { Bar, Sparkline },
  props: { figure: String, title: String, icon: String, icons: String },
  template: `
    <section class="t-card m-metric" :class="[attention, { stale, absent }]" :aria-label="title" :aria-busy="!sample">
      <div class="m-metric-top">
        <div class="t-tile"><svg class="t-icon" viewBox="0 0 24 24" aria-hidden="true"><use :href="icons + '#' + icon"/></svg></div>
        <h2>{{ title }}</h2>
        <Sparkline :values="past" :least="figure === 'network' ? 1 : 8" :points="60"/>
      </div>
      <template v-if="sample">
        <p class="m-metric-value"><b>{{ told.value }}</b> <small>{{ told.unit }}</small></p>
        <p class="m-metric-notes"><span>{{ told.left }}</span> <span>{{ told.right }}</span></p>
      </template>
      <template v-else>
        <p class="m-metric-value"><span class="t-skeleton"></span></p>
        <p class="m-metric-notes"><span class="t-skeleton"></span></p>
      </template>
      <Bar :share="sample ? told.share : null" :label="bar"/>
    </section>`,
  computed: {
    told() {
      return TELLERS[this.figure](this.sample);
    },
    past() {
      return machine.recent?.[this.figure];
    },
    absent() {
      return this.sample !== null && this.told.value === ABSENT;
    },
    attention() {
      return this.sample ? level(this.figure, this.told.share) : "";
    },
    bar() {
      return BARS[this.figure] ?? `${this.title} used`;
    },
  },
};
