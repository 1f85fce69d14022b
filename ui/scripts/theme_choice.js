// Light, dark or as the system: radio buttons over window.toruTheme, which keeps the choice in this browser.
export default {
  template: `
    <fieldset class="t-segments">
      <legend class="t-sr">Appearance</legend>
      <label v-for="option in options" :key="option.value">
        <input type="radio" :name="name" :value="option.value" :checked="chosen === option.value"
               @change="choose(option.value)">
        <svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use :href="icons + '#' + option.icon"/></svg>
        <span>{{ option.text }}</span>
      </label>
    </fieldset>`,
  props: { icons: String },
  data() {
    return {
      chosen: window.toruTheme.chosen(),
      name: "theme" + Math.random().toString(36).slice(2),
      options: [
        { value: "light", icon: "sun", text: "Light" },
        { value: "dark", icon: "moon", text: "Dark" },
        { value: "auto", icon: "sun-moon", text: "System" },
      ],
    };
  },
  mounted() {
    this.follow = (event) => { this.chosen = event.detail.choice; };
    window.addEventListener("toru:theme-choice", this.follow);
  },
  beforeUnmount() {
    window.removeEventListener("toru:theme-choice", this.follow);
  },
  methods: {
    choose(value) {
      window.toruTheme.choose(value);
    },
  },
};
