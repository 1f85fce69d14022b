// What a terminal looks like: title and tools, search, screen, a line about the connection, keys, the box to paste into.
export const template = `
<section class="term t-dark" :class="{ 'term--full': full, 'term--writable': typing }" :aria-label="label" :data-link="state">
  <header class="term-head">
    <div class="term-lights" aria-hidden="true"><i></i><i></i><i></i></div>
    <div class="term-title"><slot></slot></div>
    <div class="term-tools" role="group" aria-label="Output">
      <button type="button" class="term-tool" :aria-pressed="searching" aria-label="Search output" title="Search" @click="toggleSearch">
        <svg aria-hidden="true"><use :href="icons + '#search'" /></svg>
      </button>
      <button type="button" class="term-tool" :aria-label="copied ? 'Copied' : 'Copy output'" title="Copy" @click="copy">
        <svg aria-hidden="true"><use :href="icons + (copied ? '#check' : '#copy')" /></svg>
      </button>
      <a v-if="download" class="term-tool" :href="download" download aria-label="Download output" title="Download">
        <svg aria-hidden="true"><use :href="icons + '#download'" /></svg>
      </a>
      <button type="button" class="term-tool" :aria-pressed="full" aria-label="Full screen" title="Full screen" @click="toggleFull">
        <svg aria-hidden="true"><use :href="icons + (full ? '#minimize-2' : '#maximize-2')" /></svg>
      </button>
    </div>
  </header>
  <form v-if="searching" class="term-search" role="search" @submit.prevent="find(1)" @keydown.esc.prevent="toggleSearch">
    <input ref="query" v-model="query" type="search" aria-label="Search in output" placeholder="Search output"
      autocapitalize="off" autocomplete="off" spellcheck="false" @input="find(1, true)" @keydown.enter.shift.prevent="find(-1)" />
    <output class="term-count">{{ count }}</output>
    <button type="button" class="term-tool" aria-label="Previous match" @click="find(-1)">
      <svg aria-hidden="true"><use :href="icons + '#chevron-up'" /></svg>
    </button>
    <button type="submit" class="term-tool" aria-label="Next match"><svg aria-hidden="true"><use :href="icons + '#chevron-down'" /></svg></button>
    <button type="button" class="term-tool" aria-label="Close search" @click="toggleSearch">
      <svg aria-hidden="true"><use :href="icons + '#x'" /></svg>
    </button>
  </form>
  <div class="term-body">
    <div ref="screen" class="term-screen"></div>
    <p v-if="placeholder" class="term-empty">{{ placeholder }}</p>
    <button v-if="!atEnd" type="button" class="term-end" @click="toEnd">
      <svg aria-hidden="true"><use :href="icons + '#arrow-down-to-line'" /></svg>Jump to end
    </button>
  </div>
  <div class="term-note" role="status">
    <template v-if="note"><span>{{ note }}</span> <a v-if="state === 'signed-out'" :href="signIn">Sign in</a></template>
  </div>
  <div v-if="typing" class="term-keys" role="toolbar" aria-label="Keys">
    <button v-for="key in keys" :key="key.name" type="button" class="term-key" :aria-label="key.sign ? key.name : null"
      :aria-pressed="key.name === 'Ctrl' ? control : null" @mousedown.prevent @click="press(key)">{{ key.sign || key.name }}</button>
    <button type="button" class="term-key" aria-label="Paste" @mousedown.prevent @click="paste">
      <svg aria-hidden="true"><use :href="icons + '#clipboard-paste'" /></svg>
    </button>
  </div>
  <dialog ref="clipboard" class="term-paste" aria-label="Paste into the terminal" @close="pasted">
    <form method="dialog">
      <textarea ref="pasteBox" aria-label="Text to paste" placeholder="Paste here" rows="4" autocapitalize="off" spellcheck="false"></textarea>
      <div><button class="term-key" value="">Cancel</button><button class="term-key term-key--main" value="paste">Insert</button></div>
    </form>
  </dialog>
</section>`;
