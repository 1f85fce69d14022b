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
              <ul v-if="page.path === '/plugins' && plugins.length" class="t-nav-plugins" aria-label="Enabled plugins">
                <li v-for="plugin in plugins" :key="plugin.path">
                  <a :href="plugin.path" :aria-current="plugin.path === current ? 'page' : undefined">
                    <span class="t-nav-picture" :class="{ word: plugin.word }" aria-hidden="true">{{ plugin.picture }}</span>
                    <span class="t-nav-name">{{ plugin.title }}</span>
                    <i class="t-health" :class="plugin.tone" :title="plugin.health"></i>
                    <span class="t-sr">{{ plugin.health }}</span>
                  </a>
                </li>
              </ul>
            </li>
          </ul>
        </template>
      </div>
      <div v-if="host" class="t-host">
        <div><i class="t-dot"></i><span class="t-host-name">{{ host.name }}</span></div>
        <div class="t-host-line"><span v-if="host.system">{{ host.system }}</span><span v-if="host.since">up {{ up }}</span></div>
      </div>
    </nav>`,
  props: { pages: Array, plugins: Array, current: String, icons: String, mark: String, host: Object },
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
