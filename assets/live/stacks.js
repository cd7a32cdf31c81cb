// The stacks of the markets in view, cloned from the page's template.
import { takeAxes } from "./dash.js";
import { closeMenu } from "./panels.js";

const clone = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

/** Makes the stacks of `markets` in their order; those that are there stay. */
export function putStacks(holder, markets) {
  const kept = new Map();
  for (const one of [...holder.children]) {
    if (markets.includes(one.dataset.market)) kept.set(one.dataset.market, one);
    else {
      takeAxes(one);
      closeMenu(one);
      one.remove();
    }
  }
  holder.className = `stacks n${markets.length}`;
  if (!markets.length) return holder.append(clone("empty"));
  markets.forEach((market, k) => {
    const one = kept.get(market) ?? clone("stack");
    one.dataset.market = market;
    if (holder.children[k] !== one) holder.insertBefore(one, holder.children[k] ?? null);
  });
}
