// Tabs: one of several panels, by press or arrow keys. A panel is drawn when it is first looked at and then kept.
import { Picture } from "toru_parts";

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export const Tabs = {
  components: { Picture },
  // tabs: {key, label, icon}; the slot draws the panel of a `key`. A new `wanted`, {key}, opens that one.
  props: { tabs: Array, wanted: Object, icons: String },
  template: `
    <div class="t-tabs">
      <div class="t-tab-list" role="tablist" @keydown="moved">
        <button v-for="tab in tabs" :key="tab.key" :id="id(tab, 'tab')" type="button" role="tab" :aria-selected="String(tab.key === open)"
                :aria-controls="seen.has(tab.key) || tab.key === open ? id(tab, 'panel') : undefined"
                :tabindex="tab.key === open ? 0 : -1" @click="show(tab.key)">
          <Picture v-if="tab.icon" :name="tab.icon" :icons="icons"/><span>{{ tab.label }}</span>
        </button>
      </div>
      <template v-for="tab in tabs" :key="tab.key">
        <div v-if="seen.has(tab.key) || tab.key === open" :id="id(tab, 'panel')" role="tabpanel" :hidden="tab.key !== open"
             :aria-labelledby="id(tab, 'tab')" tabindex="0"><slot :name="'panel'" :tab="tab"></slot></div>
      </template>
    </div>`,
  data() {
    return { chosen: null, seen: new Set(), name: "t" + Math.random().toString(36).slice(2) };
  },
  computed: {
    open() {
      return this.tabs.some((tab) => tab.key === this.chosen) ? this.chosen : this.tabs[0]?.key;
    },
  },
  watch: {
    wanted: {
      immediate: true,
      handler(wanted) {
        if (wanted) this.show(wanted.key);
      },
    },
  },
  methods: {
    id(tab, part) {
      return `${this.name}-${part}-${this.tabs.indexOf(tab)}`;
    },
    show(key) {
      this.seen.add(this.open);
      this.chosen = key;
    },
    moved(event) {
      const at = this.tabs.findIndex((tab) => tab.key === this.open), last = this.tabs.length - 1;
      const place = { Home: 0, End: last }[event.key] ?? (at + STEPS[event.key] + last + 1) % (last + 1);
      if (Number.isNaN(place)) return;
      event.preventDefault();
      this.show(this.tabs[place].key);
      this.$el.querySelectorAll(":scope > [role=tablist] > [role=tab]")[place].focus();
    },
  },
};
