// Says that the live figures stand still, since when, and that we go on trying.
import { Following } from "toru_machine";

export default {
  mixins: [Following],
  props: { icons: String },
  template: `
    <div class="m-notice" role="status">
      <div v-if="stale" class="t-notice warn">
        <svg class="t-icon" viewBox="0 0 24 24" aria-hidden="true"><use :href="icons + '#unplug'"/></svg>
        <span v-if="sample">These figures stand still since {{ since }}. Trying again …</span>
        <span v-else>The machine's figures do not arrive. Trying again …</span>
      </div>
    </div>`,
  computed: {
    since() {
      return new Date(this.sample.sampled_at).toLocaleTimeString();
    },
  },
};
