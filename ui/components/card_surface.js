import { Picture } from "toru_parts";

// A card: a surface with an optional head; the slot "actions" stands at the right of it.
export default {
  components: { Picture },
  template: `
    <section class="t-card" :aria-label="label || undefined">
      <header v-if="head" class="t-card-head">
        <div v-if="picture" class="t-tile"><Picture :name="picture" :icons="icons"/></div>
        <div class="t-card-titles"><h2>{{ label }}</h2><p v-if="subtitle" class="t-sub">{{ subtitle }}</p></div>
        <div v-if="$slots.actions" class="t-card-actions"><slot name="actions"></slot></div>
      </header>
      <slot></slot>
    </section>`,
  props: { label: String, subtitle: String, head: Boolean, picture: String, icons: String },
};
