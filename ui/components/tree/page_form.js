// A form and its fields. What somebody typed stays until it is sent, whatever the plugin changes meanwhile.
import Select from "native_select";
import { shallowReactive } from "vue";
import { Children } from "page_node";

export const PageForm = {
  components: { Children },
  inject: ["page"],
  props: { node: Object },
  provide() {
    return { form: this };
  },
  template: `
    <form class="p-form" novalidate :aria-busy="busy || undefined" @submit.prevent="submit">
      <Children :node="node"/>
      <button type="submit" class="t-btn primary" :class="{ busy }" :aria-disabled="busy || page.off() || undefined">
        <span>{{ node.data.submit || "Save" }}</span></button>
    </form>`,
  data() {
    return { busy: false };
  },
  created() {
    this.typed = shallowReactive(new Map()); // name → {value, told}; a field that nobody touched is not in it
    this.errors = shallowReactive(new Map());
  },
  methods: {
    // Once something was sent and was good (`told` is set), the next word of the plugin counts again.
    valueOf({ name, kind, value, told }) {
      const typed = this.typed.get(name);
      if (typed && !(typed.told < told)) return typed.value;
      return kind === "switch" ? Boolean(value) : String(value ?? "");
    },
    type(name, value) {
      this.typed.set(name, { value });
      this.errors.delete(name);
    },
    async submit() {
      if (this.busy || this.page.off()) return;
      const fields = fieldsOf(this.node).map((node) => node.data);
      const values = Object.fromEntries(fields.map((field) => [field.name, this.valueOf(field)]));
      this.busy = true;
      const reply = await this.page.send(this.node.id, "submit", { values });
      this.busy = false;
      this.errors.clear();
      for (const [name, sentence] of Object.entries(reply.errors ?? {})) this.errors.set(name, sentence);
      if (reply.ok && !this.errors.size) this.sent(fields, values);
      else await this.refused();
    },
    // The first field that is wrong comes into view.
    async refused() {
      const first = fieldsOf(this.node).find((node) => this.errors.has(node.data.name));
      for (let node = first; node && node !== this.node; node = node.parent) {
        if (node.parent.type === "tabs") node.parent.shown = { key: node.key };
      }
      await this.$nextTick();
      this.$el.querySelector?.("[aria-invalid=true]")?.focus();
    },
    // What was sent stays to be seen until the plugin says something; secrets go, what was typed meanwhile stays.
    sent(fields, values) {
      for (const { name, kind, told } of fields) {
        if (this.typed.get(name)?.value !== values[name]) continue;
        if (kind === "password") this.typed.delete(name);
        else this.typed.set(name, { value: values[name], told });
      }
    },
  },
};

const fieldsOf = (node) => (node.type === "field" ? [node] : node.children.flatMap(fieldsOf));

const INPUTS = {
  text: {}, email: { type: "email", autocomplete: "email" }, url: { type: "url", inputmode: "url" },
  password: { type: "password", autocomplete: "new-password" }, number: { inputmode: "decimal" }, integer: { inputmode: "numeric" },
  date: { type: "date" }, time: { type: "time" }, multiline: {},
};

export const PageField = {
  components: { Select },
  inject: { form: { default: null } },
  props: { node: Object },
  template: `
    <div class="t-field p-field">
      <label v-if="data.kind === 'switch'" class="t-switch">
        <span><b>{{ data.label }}</b><small v-if="data.hint" :id="name + '-what'">{{ data.hint }}</small></span>
        <input type="checkbox" role="switch" :aria-label="data.label" :aria-describedby="data.hint ? name + '-what' : undefined"
               :aria-invalid="problem ? 'true' : undefined" :checked="value" @change="type($event.target.checked)">
      </label>
      <Select v-else-if="data.kind === 'select'" :label="label" showLabel :options="options" :value="value" :hint="data.hint"
              :problem="problem" @change="type"/>
      <template v-else>
        <label :for="name">{{ label }}</label>
        <textarea v-if="data.kind === 'multiline'" class="t-input p-area" rows="4" v-bind="control" :value="value" @input="type($event.target.value)"></textarea>
        <input v-else class="t-input" v-bind="control" :value="value" @input="type($event.target.value)">
      </template>
      <p v-if="below" :id="name + '-hint'" class="t-hint" :class="{ bad: problem }">{{ below }}</p>
    </div>`,
  data() {
    return { name: "f" + Math.random().toString(36).slice(2) };
  },
  computed: {
    data() {
      return this.node.data;
    },
    label() {
      return this.data.required ? this.data.label : `${this.data.label} (optional)`;
    },
    value() {
      return this.form.valueOf(this.data);
    },
    problem() {
      return this.form.errors.get(this.data.name) ?? "";
    },
    below() {
      if (this.data.kind === "select") return ""; // it says both itself
      return this.problem || (this.data.kind === "switch" ? "" : this.data.hint);
    },
    options() {
      const options = (this.data.options ?? []).map(({ value, text }) => ({ key: String(value), text }));
      return options.some(({ key }) => key === this.value) ? options : [{ key: this.value, text: this.value || "Choose …" }, ...options];
    },
    control() {
      const { kind = "text", placeholder, max_length: longest, required } = this.data;
      return {
        id: this.name, autocomplete: "off", ...(INPUTS[kind] ?? {}), placeholder: placeholder || undefined, maxlength: longest ?? undefined,
        spellcheck: kind === "multiline", "aria-required": required ? "true" : undefined,
        "aria-invalid": this.problem ? "true" : undefined, "aria-describedby": this.below ? `${this.name}-hint` : undefined,
      };
    },
  },
  methods: {
    type(value) {
      this.form.type(this.data.name, value);
    },
  },
};
