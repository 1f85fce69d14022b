// Every plugin as a card: what it is, how it is, its figures, and what can be done with it.
import { bytes, has, percent, span, ABSENT } from "toru_figures";
import { Chip } from "toru_parts";
import { now } from "/static/time.js";

export default {
  components: { Chip },
  template: `
    <ul class="t-plugins" :class="{ one: !details }" aria-label="Plugins">
      <li v-for="plugin in plugins" :key="plugin.id">
        <section class="t-card t-plugin" :aria-label="plugin.name">
          <header class="t-card-head">
            <div class="t-tile t-plugin-picture" :class="{ word: plugin.word }" aria-hidden="true">{{ plugin.picture }}</div>
            <div class="t-card-titles">
              <h2>{{ plugin.name }}</h2>
              <p class="t-sub">{{ byline(plugin) }}</p>
            </div>
            <Chip :text="plugin.state" :tone="plugin.tone" :icon="plugin.chip" :icons="icons"/>
          </header>
          <p v-if="plugin.description" class="t-plugin-words">{{ plugin.description }}</p>
          <p v-if="plugin.reason" class="t-notice" :class="plugin.failed ? 'bad' : 'warn'">{{ plugin.reason }}</p>
          <p v-if="plugin.warning" class="t-notice warn">{{ plugin.warning }}</p>
          <p v-if="plugin.license" class="t-notice warn">{{ plugin.license }}</p>
          <dl class="t-plugin-figures">
            <div v-for="[name, value] in figures(plugin)" :key="name"><dt>{{ name }}</dt><dd>{{ value }}</dd></div>
          </dl>
          <footer v-if="plugin.enabled || acts">
            <a v-if="plugin.enabled" class="t-btn primary" :href="'/plugin/' + plugin.id" :aria-label="'Open ' + plugin.name">Open</a>
            <template v-if="acts">
              <button v-for="deed in deeds(plugin)" :key="deed.name" type="button" class="t-btn" :class="deed.kind"
                      :disabled="plugin.busy" :aria-label="deed.text + ' ' + plugin.name"
                      @click="$emit('deed', { id: plugin.id, deed: deed.name })">{{ deed.text }}</button>
            </template>
            <template v-if="acts && details">
              <span class="grow"></span>
              <a class="t-iconbtn" :href="'/plugins/' + plugin.id + '/logs'" :aria-label="'Logs of ' + plugin.name" title="Logs">
                <svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use :href="icons + '#scroll-text'"/></svg>
              </a>
              <a class="t-iconbtn" :href="'/plugins/' + plugin.id" :aria-label="'Details of ' + plugin.name" title="Details">
                <svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use :href="icons + '#sliders-horizontal'"/></svg>
              </a>
            </template>
          </footer>
        </section>
      </li>
    </ul>`,
  props: { plugins: Array, acts: Boolean, details: Boolean, icons: String },
  emits: ["deed"],
  data() {
    return { now: now() };
  },
  mounted() {
    this.timer = setInterval(() => { this.now = now(); }, 1000);
  },
  beforeUnmount() {
    clearInterval(this.timer);
  },
  methods: {
    byline(plugin) {
      return [`Version ${plugin.version}`, plugin.author && `by ${plugin.author}`].filter(Boolean).join(" · ");
    },
    figures(plugin) {
      const up = plugin.since ? span(Math.max(0, (this.now - Date.parse(plugin.since)) / 1000)) : ABSENT;
      return [
        ["CPU", percent(plugin.cpu, 1)],
        ["Memory", bytes(plugin.memory)],
        ["Uptime", up],
        ["Restarts", plugin.restarts],
        ["Requests", plugin.requests.toLocaleString()],
        ["95 % within", has(plugin.p95) ? `${plugin.p95 < 10 ? plugin.p95.toFixed(1) : Math.round(plugin.p95)} ms` : ABSENT],
      ];
    },
    deeds(plugin) {
      if (plugin.failed) return [{ name: "enable", text: "Try again", kind: "primary" }];
      if (!plugin.enabled) return [{ name: "enable", text: "Enable", kind: "primary" }];
      return [{ name: "restart", text: "Restart", kind: "" }, { name: "disable", text: "Disable", kind: "danger-plain" }];
    },
  },
};
