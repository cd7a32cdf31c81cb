// The reading strip of a stack: when its words change, and which of them are read aloud.
import { secondOf } from "./drawing.js";
import { present } from "./states.js";
import { matched, scoreWords, write } from "./texts.js";
import { leaning, oneSided, trust, what } from "./words.js";

const ALOUD_MS = 10_000;

export class Reading {
  constructor() {
    this.toldIn = NaN; // the second
    this.aloudAt = -Infinity;
    this.key = this.state = this.view = "";
    this.lean = 0; // +1 buyers lead, -1 sellers, 0 neither
  }

  /**
   * Writes the strip, and in the tile of OFI the score that it tells of, so that both tell one story: once a second,
   * at once where what they tell of is another. A state that counts time counts at every drawing.
   */
  tell(f, model, state, at, shown) {
    const { tiles: t, epoch } = model;
    const key = [state, shown, oneSided(model), epoch, (t?.ofi ?? null) === null, (t?.score ?? null) === null, (t?.explained ?? null) === null].join();
    if (key === this.key && present(state) && secondOf(at) === this.toldIn) return;
    this.key = key;
    this.toldIn = secondOf(at);
    const [verdict, sentence] = what(model, state, this.leans(model)), [how, why] = trust(model, state, model.age(at));
    write(f["what-verdict"], verdict);
    write(f["what-text"], sentence);
    write(f["trust-verdict"], how);
    write(f["trust-text"], why);
    matched(f, model);
    if (shown && t) write(f["ofi-sub"], scoreWords(t, model.distribution));
    this.aloud(f.spoken, `${verdict} ${how}`, state, at);
  }

  /** Who leads; of another view it is not what was said of the last one. */
  leans({ info, tiles }) {
    const view = [info.window_s, info.lookback_s, info.end_ms].join();
    if (view !== this.view) [this.view, this.lean] = [view, 0];
    return (this.lean = leaning(tiles?.score ?? null, this.lean));
  }

  /** Read aloud at most every 10 s, at once when the state has changed. */
  aloud(element, words, state, at) {
    if (state === this.state && at - this.aloudAt < ALOUD_MS) return;
    this.state = state;
    this.aloudAt = at;
    write(element, words);
  }
}
