// A grid of icons to choose one from; radio buttons, so arrow keys work and each says its name.
export default {
  template: `
    <fieldset class="t-icon-picker">
      <legend>Icon</legend>
      <label v-for="name in names" :key="name" :title="name">
        <input type="radio" :name="group" :value="name" v-model="chosen" :aria-label="name.replaceAll('-', ' ')"
               @change="$emit('change', name)">
        <svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use :href="icons + '#' + name"/></svg>
      </label>
    </fieldset>`,
  props: { icons: String, names: Array, value: String },
  emits: ["change"],
  data() {
    return { chosen: this.value, group: "icon" + Math.random().toString(36).slice(2) };
  },
};
