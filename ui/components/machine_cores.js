// Every processor core with its share, live; a machine with many gets many small ones.
import { level, percent } from "toru_figures";
import { Following } from "toru_machine";
import { Bar } from "toru_parts";

export default {
  mixins: [Following],
  components: { Bar },
  template: `
    <div :class="{ stale }" :aria-busy="!sample">
      <div v-if="!sample" class="t-loading" role="status" aria-label="Loading"><div v-for="row in 2" :key="row" class="t-skeleton"></div></div>
      <p v-else-if="!sample.cpu_cores.length" class="t-sub">This machine does not show its processors.</p>
      <ul v-else class="m-cores" :class="{ many: sample.cpu_cores.length > 16 }">
        <li v-for="(core, index) in sample.cpu_cores" :key="core.name">
          <span class="m-core-name">{{ index }}</span><span class="m-core-value">{{ percent(core.usage) }}</span>
          <Bar :share="core.usage" :level="level('cpu', core.usage)" :label="'Core ' + index"/>
        </li>
      </ul>
    </div>`,
  methods: { level, percent },
};
