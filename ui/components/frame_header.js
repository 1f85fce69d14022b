// The header: where one is, what the page offers (the slot), and who is signed in.
import ThemeChoice from "/static/theme_choice.js";

export default {
  components: { ThemeChoice },
  template: `
    <header class="t-header">
      <a v-if="back" :href="back" class="t-iconbtn t-back" aria-label="Back">
        <svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use :href="icons + '#arrow-left'"/></svg>
      </a>
      <a v-else href="/" class="t-header-mark" aria-label="Toru, dashboard">
        <span class="t-logo"><img :src="mark" alt=""></span>
      </a>
      <div class="t-titles"><h1>{{ label }}</h1><p v-if="subtitle">{{ subtitle }}</p></div>
      <slot></slot>
      <button type="button" class="t-avatar-button" popovertarget="t-account" aria-haspopup="dialog"
              :aria-label="'Account of ' + who.name"><span class="t-avatar" aria-hidden="true">{{ who.initials }}</span></button>
      <div id="t-account" class="t-popover" popover="auto" role="dialog" aria-label="Account">
        <div class="t-account-who"><span class="t-account-name">{{ who.name }}</span><span class="t-sub">{{ who.role }}</span></div>
        <ThemeChoice :icons="icons"/>
        <a href="/account" class="t-menu-item">
          <svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use :href="icons + '#user-round'"/></svg>
          <span>Account</span>
        </a>
        <button type="button" class="t-menu-item" data-sign-out>
          <svg class="t-icon" aria-hidden="true" viewBox="0 0 24 24"><use :href="icons + '#log-out'"/></svg>
          <span>Sign out</span>
        </button>
      </div>
    </header>`,
  props: { label: String, subtitle: String, back: String, who: Object, icons: String, mark: String },
};
