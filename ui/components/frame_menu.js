// The menu: a column on wide screens, a drawer on narrow ones (frame.js opens it), with the machine at its foot.
import { coarse, now } from "/static/time.js";

export default {
  template: `
    <nav class="t-nav" aria-label="Main">
      <a href="/" class="t-brand" aria-label="Toru Steering Center">
        <span class="t-logo"><img :src="mark" alt=""></span>
        <div><span class="t-brand-name">Toru</span><span class="t-brand-sub">Steering Center</span></div>
      </a>
      <div id="t-menu" class="t-menu">
        <template v-for="group in groups" :key="group.name">
          <h2 v-if="group.name" :id="'t-menu-' + group.name">{{ group.name }}</h2>
          <ul :aria-labelledby="group.name ? 't-menu-' + group.name : undefined">
            <li v-for="page in group.pages" :key="page.path">
              <a :href="page.path" :aria-current="page.path === current ? 'page' : undefined">
                <svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use :href="icons + '#' + page.icon"/></svg>
                <span>{{ page.title }}</span>
              </a>
            </li>
          </ul>
        </template>
      </div>
      <div v-if="host" class="t-host">
        <div><i class="t-dot"></i><span class="t-host-name">{{ host.name }}</span></div>
        <div class="t-host-line"><span v-if="host.system">{{ host.system }}</span><span v-if="host.since">up {{ up }}</span></div>
      </div>
    </nav>`,
  props: { pages: Array, current: String, icons: String, mark: String, host: Object },
  data() {
    return { now: now() };
  },
  computed: {
    groups() { // a heading above a single line would be more than it holds
      const found = new Map();
      for (const page of this.pages) found.set(page.group, [...(found.get(page.group) ?? []), page]);
      const named = (name, pages) => (pages.length > 1 ? name : "");
      return [...found].map(([name, pages]) => ({ name: named(name, pages), pages }));
    },
    up() {
      return coarse((this.now - new Date(this.host.since)) / 1000);
    },
  },
  mounted() {
    this.timer = setInterval(() => { this.now = now(); }, 30000);
  },
  beforeUnmount() {
    clearInterval(this.timer);
  },
};
