// The markets in view as chips: a drag, or Alt with an arrow, moves one; the page and its address follow.

const STARTS_PX = 6;

/** A list with one of its markets moved by places, as far as it goes. */
export function moved(markets, market, by) {
  const at = markets.indexOf(market), to = Math.max(0, Math.min(markets.length - 1, at + by));
  if (at < 0 || to === at) return markets;
  const rest = markets.filter((one) => one !== market);
  return [...rest.slice(0, to), market, ...rest.slice(to)];
}

/** Binds the chips in `holder`; `order` takes the markets in their new order. */
export function bindChips(holder, order) {
  holder.addEventListener("keydown", (event) => {
    const chip = event.target.closest(".mchip"), by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!chip || !by || !event.altKey) return;
    event.preventDefault(); // it would go back in the browser's history
    event.stopPropagation();
    const { market } = chip.dataset, before = marketsOf(holder), after = moved(before, market, by);
    if (after === before) return;
    order(after);
    chipOf(holder, market)?.focus();
  });
  holder.addEventListener("pointerdown", (event) => {
    const chip = event.target.closest(".mchip");
    if (chip && !event.button) drag(holder, chip, event, order);
  });
}

const chipsOf = (holder) => [...holder.querySelectorAll(".mchip")];
const marketsOf = (holder) => chipsOf(holder).map((chip) => chip.dataset.market);
const chipOf = (holder, market) => chipsOf(holder).find((chip) => chip.dataset.market === market);

function drag(holder, chip, { clientX: from, pointerId, pointerType }, order) {
  const before = chipsOf(holder), end = new AbortController(), { signal } = end;
  let moving = false;
  const move = (event) => {
    if (!chip.isConnected) return ends(); // the markets in view are others now
    if (event.pointerId !== pointerId || (!moving && Math.abs(event.clientX - from) < STARTS_PX)) return;
    // A finger is heard by what it came down on, and no longer once that has another place.
    if (!moving && pointerType === "touch") holder.setPointerCapture(pointerId);
    moving = true;
    chip.classList.add("moving");
    const next = chipsOf(holder).filter((one) => one !== chip).find((one) => event.clientX < middle(one)) ?? null;
    if (chip.nextElementSibling !== next) holder.insertBefore(chip, next);
  };
  const ends = () => {
    end.abort();
    chip.classList.remove("moving");
    return moving && chip.isConnected;
  };
  const drop = (event) => {
    if (event.pointerId !== pointerId || !ends()) return;
    // The click that ends a drag removes nothing.
    const stop = (event) => (event.preventDefault(), event.stopPropagation());
    addEventListener("click", stop, { capture: true, once: true });
    setTimeout(() => removeEventListener("click", stop, { capture: true }));
    if (chipsOf(holder).some((one, k) => one !== before[k])) order(marketsOf(holder));
  };
  const cancel = (event) => {
    if (event.pointerId === pointerId && ends()) holder.append(...before);
  };
  addEventListener("pointermove", move, { signal });
  addEventListener("pointerup", drop, { signal });
  addEventListener("pointercancel", cancel, { signal });
}

function middle(one) {
  const { left, width } = one.getBoundingClientRect();
  return left + width / 2;
}
