// Every network interface with its rates and totals, live; beyond the busiest and the silent ones stand behind a switch.
import { bytes, count, rate } from "toru_figures";
import { Following } from "toru_machine";

const MOST = 10; // a host of containers has hundreds

export default {
  mixins: [Following],
  template: `
    <div class="m-interfaces" :class="{ stale }" :aria-busy="!sample">
      <div v-if="!sample" class="t-loading" role="status" aria-label="Loading"><div v-for="row in 2" :key="row" class="t-skeleton"></div></div>
      <p v-else-if="!sample.network.length" class="t-sub m-pad">This machine has no network.</p>
      <div v-else class="t-table-wrap">
        <table class="t-table m-table">
          <caption class="t-sr">Network interfaces</caption>
          <thead><tr><th scope="col">Interface</th><th scope="col" class="rate">Receiving</th><th scope="col" class="rate">Sending</th>
            <th scope="col" class="bytes wide">Received</th><th scope="col" class="bytes wide">Sent</th></tr></thead>
          <tbody>
            <tr v-for="one in shown" :key="one.name">
              <th scope="row" :title="one.name">{{ one.name }}</th>
              <td class="rate">{{ rate(one.received_rate) }}</td><td class="rate">{{ rate(one.transmitted_rate) }}</td>
              <td class="bytes wide">{{ bytes(one.received) }}</td><td class="bytes wide">{{ bytes(one.transmitted) }}</td>
            </tr>
          </tbody>
        </table>
      </div>
      <button v-if="hidden" type="button" class="t-btn quiet m-more" :aria-expanded="all" @click="all = !all">
        {{ all ? "Show fewer" : "Show " + count(hidden, "more interface", "more interfaces") }}</button>
    </div>`,
  data() {
    return { all: false };
  },
  computed: {
    ordered() {
      return [...(this.sample?.network ?? [])].sort((one, other) => carried(other) - carried(one));
    },
    busiest() {
      return this.ordered.filter(carried).slice(0, MOST);
    },
    hidden() {
      return this.ordered.length - this.busiest.length;
    },
    shown() {
      return this.all ? this.ordered : this.busiest;
    },
  },
  methods: { bytes, count, rate },
};

// The machine's talk with itself comes last.
const carried = (one) => (one.name === "lo" ? Math.sign(one.received) : one.received + one.transmitted);
