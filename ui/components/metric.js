// A card with one figure of the machine, live each second: number, sparkline, two notes, bar.
import { count, has, level, mainDisk, percent, rate, bytes, scaled, sum, ABSENT } from "toru_figures";
import { Following, machine } from "toru_machine";
import { MetricTile } from "toru_parts";

const NOTHING = { value: ABSENT, unit: "", left: "Not available", right: "", share: null };

// "35.2 / 252 GiB"; in two units both would not fit, and the total is told below.
function used(amount, all, share) {
  const [value, unit] = scaled(amount);
  const [total, totalUnit] = scaled(all);
  return unit === totalUnit
    ? { value, unit: `/ ${total} ${unit}`, left: `${percent(share)} used`, share }
    : { value, unit, left: `${percent(share)} of ${total} ${totalUnit}`, share };
}

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
    return {
      ...used(sample.memory_used, sample.memory_total, sample.memory_percent),
      right: sample.swap_total ? `swap ${bytes(sample.swap_used)}` : has(sample.swap_total) ? "no swap" : "",
    };
  },
  disk(sample) {
    const disk = mainDisk(sample.disks);
    if (!disk) return { ...NOTHING, left: "No disk" };
    return {
      ...used(disk.used_space, disk.total_space, disk.usage_percent),
      right: `${bytes(disk.available_space)} free`,
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
  components: { MetricTile },
  props: { figure: String, title: String, icon: String, icons: String },
  template: `
    <MetricTile :class="{ stale, absent }" :label="title" :icon="icon" :icons="icons" :waiting="!sample" :level="attention"
                :value="told.value" :unit="told.unit" :left="told.left" :right="told.right"
                :share="sample ? told.share : null" :bar="bar" :values="past" :least="figure === 'network' ? 1 : 8" :points="60"/>`,
  computed: {
    told() {
      return this.sample ? TELLERS[this.figure](this.sample) : NOTHING;
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
