// The scripts of the folder: a row each, its name opening the dialog and its button starting it.
import { bytes } from "toru_figures";
import { full, told, now } from "/static/time.js";

export default {
  template: `
    <ul class="script-list">
      <li v-for="script in scripts" :key="script.name">
        <div class="t-tile"><svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use :href="icons + '#terminal'"/></svg></div>
        <div class="script-what">
          <button type="button" class="script-name" @click="$emit('choose', script.name)">{{ script.name }}</button>
          <p v-if="script.description">{{ script.description }}</p>
          <p class="script-facts">
            <span>{{ bytes(script.size) }}</span>
            <time :datetime="script.modified_at" :title="exact(script.modified_at)">{{ age(script.modified_at) }}</time>
            <span v-if="script.dangerous" class="script-warning"><svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use
              :href="icons + '#shield-alert'"/></svg>Dangerous</span>
            <span v-if="script.warning" class="script-warning"><svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use
              :href="icons + '#triangle-alert'"/></svg>{{ script.warning }}</span>
          </p>
        </div>
        <button type="button" class="t-iconbtn script-options" :aria-label="'Run ' + script.name + ' with arguments'"
                title="Run with arguments" @click="$emit('choose', script.name)">
          <svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use :href="icons + '#sliders-horizontal'"/></svg>
        </button>
        <button type="button" class="t-btn script-run" :aria-label="'Run ' + script.name" @click="$emit('run', script.name)">
          <svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use :href="icons + '#play'"/></svg><span>Run</span>
        </button>
      </li>
    </ul>`,
  props: { scripts: Array, icons: String },
  emits: ["run", "choose"],
  methods: {
    bytes,
    exact: (moment) => full(new Date(moment)),
    age: (moment) => told("ago", moment, null, now()),
  },
};
