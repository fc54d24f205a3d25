// Controls the simulated exchange: either its generated market plays, or the test sets the prices.
import { pause } from './until.mjs';

export const tickers = ['BTC', 'ETH', 'DOGE', 'SOL', 'BNB'];
const usual = { BTC: '65000', ETH: '3100', DOGE: '0.1423', SOL: '142.8', BNB: '580' };

export class Market {
  constructor(simulator) {
    this.simulator = simulator;
    this.held = null;
  }

  async post(control, body = '') {
    const answer = await fetch(`${this.simulator}/_sim/${control}`, { method: 'POST', body });
    if (answer.status !== 204) throw new Error(`exchange-sim ${control}: ${answer.status} ${await answer.text()}`);
  }

  // The settings that point every source at the simulator.
  async source_settings() {
    const answer = await fetch(`${this.simulator}/_sim/sources`);
    return Object.fromEntries((await answer.text()).trim().split('\n').map((line) => line.split('=')));
  }

  async play() {
    await this.release();
    await this.post('play');
  }

  // Fixes the prices, and keeps trading at them so that none becomes stale.
  async hold(prices = {}) {
    await this.post('pause');
    this.swaying = false;
    this.held = { ...(this.held ?? usual), ...prices };
    await this.trade_all();
    this.repeating ??= this.repeat();
  }

  // Like hold(), but the prices move slightly, by less than 0.1 %.
  async sway(prices) {
    await this.hold(prices);
    this.swaying = true;
  }

  async trade_all() {
    this.round = (this.round ?? 0) + 1;
    for (const [index, [ticker, price]] of Object.entries(this.held).entries()) {
      const phase = this.round * 0.7 + index * 2;
      const share = this.swaying ? 1 + 0.0003 * Math.sin(phase) + 0.00015 * Math.sin(phase * 2.3) : 1;
      const moved = this.swaying ? (price * share).toPrecision(price < 1 ? 5 : 7) : price;
      await this.post(`price/${ticker}USDT`, String(moved));
    }
  }

  async repeat() {
    while (this.held) {
      try {
        await this.trade_all();
      } catch (error) {
        if (this.held) throw error;
      }
      await pause(300);
    }
  }

  async release() {
    this.held = null;
    await this.repeating;
    this.repeating = undefined;
  }
}
