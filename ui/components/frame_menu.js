// The menu: a column on wide screens, a drawer on narrow ones (frame.js opens it), with the machine at its foot.
import { coarse } from "/static/time.js";

export default {
  template: `
    <nav class="t-nav" aria-label="Main">
      <a href="/" class="t-brand" aria-label="Toru Steering Center">
        <span class="t-logo"><img :src="mark" alt=""></span>
        <div><span class="t-brand-name">Toru</span><span class="t-brand-sub">Steering Center</span></div>
      </a>
      <ul id="t-menu">
        <li v-for="page in pages" :key="page.path">
          <a :href="page.path" :aria-current="page.path === current ? 'page' : undefined">
            <svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use :href="icons + '#' + page.icon"/></svg>
            <span>{{ page.title }}</span>
          </a>
        </li>
      </ul>
      <div v-if="host" class="t-host">
        <div><i class="t-dot"></i><span class="t-host-name">{{ host.name }}</span></div>
        <div class="t-host-line"><span v-if="host.system">{{ host.system }}</span><span v-if="host.since">up {{ up }}</span></div>
      </div>
    </nav>`,
  props: { pages: Array, current: String, icons: String, mark: String, host: Object },
  data() {
    return { now: Date.now() };
  },
  computed: {
    up() {
      return coarse((this.now - new Date(this.host.since)) / 1000);
    },
  },
  mounted() {
    this.timer = setInterval(() => { this.now = Date.now(); }, 30000);
  },
  beforeUnmount() {
    clearInterval(this.timer);
  },
};
