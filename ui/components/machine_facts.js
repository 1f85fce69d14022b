// Names and values of the machine. What it lacks is left out.
import { bytes, count, has, span } from "toru_figures";
import { Following } from "toru_machine";

const FACTS = {
  host: ["Host", (sample) => sample.host_name],
  system: ["System", (sample) => [sample.system_name, sample.os_version].filter(has).join(" ")],
  kernel: ["Kernel", (sample) => sample.kernel_version],
  architecture: ["Architecture", (sample) => sample.architecture],
  processor: ["Processor", (sample) => sample.cpu_model],
  cores: ["Cores", (sample) => sample.cpu_cores.length || null],
  memory: ["Memory", (sample) => has(sample.memory_total) && bytes(sample.memory_total)],
  uptime: ["Uptime", (sample) => has(sample.uptime_seconds) && span(sample.uptime_seconds)],
  load: ["Load", (sample) => sample.load_average?.map((value) => value.toFixed(2)).join("  ")],
  processes: ["Processes", (sample) => has(sample.process_count) && count(sample.process_count, "process", "processes").split(" ")[0]],
};
const HINTS = { load: "Waiting and running processes, mean of 1, 5 and 15 minutes" };

export default {
  mixins: [Following],
  props: { names: Array },
  template: `
    <dl class="t-facts" :class="{ stale }" :aria-busy="!sample">
      <template v-if="sample">
        <div v-for="fact in shown" :key="fact.name"><dt :title="fact.hint">{{ fact.label }}</dt><dd>{{ fact.value }}</dd></div>
        <div v-if="!shown.length"><dt>Nothing</dt><dd>is shown by this machine</dd></div>
      </template>
      <template v-else>
        <div v-for="name in names" :key="name"><dt>{{ label(name) }}</dt><dd><span class="t-skeleton m-word"></span></dd></div>
      </template>
    </dl>`,
  computed: {
    shown() {
      const all = this.names.map((name) => ({
        name, label: FACTS[name][0], hint: HINTS[name], value: FACTS[name][1](this.sample),
      }));
      return all.filter((fact) => fact.value);
    },
  },
  methods: {
    label(name) {
      return FACTS[name][0];
    },
  },
};
