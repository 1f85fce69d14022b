// The browser's own select, with a label; reports the key of what was chosen.
export default {
  template: `
    <div class="t-field">
      <label :for="name" :class="{ 't-sr': !showLabel }">{{ label }}</label>
      <div class="t-select">
        <select :id="name" class="t-input" v-model="chosen" :aria-describedby="below ? name + '-hint' : undefined"
                :aria-invalid="problem ? 'true' : undefined" @change="$emit('change', chosen)">
          <option v-for="option in options" :key="option.key" :value="option.key">{{ option.text }}</option>
        </select>
      </div>
      <p v-if="below" :id="name + '-hint'" class="t-hint" :class="{ bad: problem }">{{ below }}</p>
    </div>`,
  props: { label: String, showLabel: Boolean, options: Array, value: String, hint: String, problem: String },
  emits: ["change"],
  data() {
    return { chosen: this.value, name: "s" + Math.random().toString(36).slice(2) };
  },
  computed: {
    below() {
      return this.problem || this.hint;
    },
  },
  watch: {
    value(now) {
      this.chosen = now;
    },
  },
};
