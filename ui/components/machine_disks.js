// Every disk and how full it is, live.
import { bytes, level, percent } from "toru_figures";
import { Following } from "toru_machine";
import { Bar } from "toru_parts";

export default {
  mixins: [Following],
  components: { Bar },
  template: `
    <div :class="{ stale }" :aria-busy="!sample">
      <div v-if="!sample" class="t-loading" role="status" aria-label="Loading"><div v-for="row in 2" :key="row" class="t-skeleton"></div></div>
      <p v-else-if="!sample.disks.length" class="t-sub">This machine shows no disks.</p>
      <ul v-else class="m-meters">
        <li v-for="disk in sample.disks" :key="disk.mount_point" class="m-meter">
          <p class="m-meter-head"><b :title="disk.mount_point">{{ disk.mount_point }}</b><span>{{ percent(disk.usage_percent) }}</span></p>
          <Bar :share="disk.usage_percent" :level="level('disk', disk.usage_percent)" :label="disk.mount_point + ' used'"/>
          <p class="m-meter-foot"><span>{{ bytes(disk.used_space) }} of {{ bytes(disk.total_space) }}</span><span>{{ bytes(disk.available_space) }} free</span></p>
          <p class="m-meter-what" :title="disk.name">{{ disk.name }} · {{ disk.filesystem }}</p>
        </li>
      </ul>
    </div>`,
  methods: { bytes, level, percent },
};
