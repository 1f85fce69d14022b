// A switch with what it means beside it. What it shows is what is so: the page says when that has changed.
export default {
  template: `
    <label class="t-switch">
      <span><b>{{ label }}</b><small :id="name">{{ hint }}</small></span>
      <input ref="box" type="checkbox" role="switch" :aria-label="label" :aria-describedby="name" :checked="value" @click.prevent="$emit('flip', !value)">
    </label>`,
  props: { label: String, hint: String, value: Boolean },
  emits: ["flip"],
  data() {
    return { name: "s" + Math.random().toString(36).slice(2) };
  },
};
