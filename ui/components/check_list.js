// Check boxes in a column, each with a word and what it means; one may cover all the others.
export default {
  template: `
    <fieldset class="t-checks" :aria-describedby="problem ? name : undefined">
      <legend>{{ label }}</legend>
      <label v-for="option in options" :key="option.key">
        <input type="checkbox" :value="option.key" v-model="chosen" :disabled="covered(option)"
               @change="$emit('change', chosen)">
        <span><b>{{ option.text }}</b><small v-if="option.hint">{{ option.hint }}</small></span>
      </label>
      <p v-if="problem" :id="name" class="t-hint bad" role="alert">{{ problem }}</p>
    </fieldset>`,
  props: { label: String, options: Array, value: Array, problem: String },
  emits: ["change"],
  data() {
    return { chosen: [...this.value], name: "c" + Math.random().toString(36).slice(2) };
  },
  computed: {
    whole() {
      return this.options.find((option) => option.covers_all && this.chosen.includes(option.key));
    },
  },
  methods: {
    covered(option) {
      return Boolean(this.whole) && option.key !== this.whole.key;
    },
  },
};
