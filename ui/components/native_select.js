// The browser's own select, with a label; reports the key of what was chosen.
export default {
  template: `
    <div class="t-field">
      <label :for="name" :class="{ 't-sr': !showLabel }">{{ label }}</label>
      <div class="t-select">
        <select :id="name" class="t-input" v-model="chosen" @change="$emit('change', chosen)">
          <option v-for="option in options" :key="option.key" :value="option.key">{{ option.text }}</option>
        </select>
      </div>
    </div>`,
  props: { label: String, showLabel: Boolean, options: Array, value: String },
  emits: ["change"],
  data() {
    return { chosen: this.value, name: "s" + Math.random().toString(36).slice(2) };
  },
  watch: {
    value(now) {
      this.chosen = now;
    },
  },
};
