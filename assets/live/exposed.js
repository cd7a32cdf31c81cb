// What tests and benchmarks may see of the page.

/**
 * Sets `window.ofi`, read-only: `ofi.view(market)` gives the present figures of a market's stack,
 * `told` those that its words and numbers tell, `drawn` what can be seen of its charts and since when (`times` are those of
 * its newest row, `at` is Date.now(), `ms` the time it took on the page's thread, `painter_ms` to paint its charts, on
 * whichever), `firstAt` when it was first drawn, ms after navigation, `awaiting` whether what was asked for last is still to
 * come. `ofi.drawings()` gives the `drawn` of each market without making a copy of all else.
 */
export function expose(page) {
  const view = (market) => {
    const stack = [...page.stacks.values()].find((one) => one.market === market);
    if (!stack) return null;
    const { model } = stack, flow = stack.made.get("flow"), views = flow?.views;
    return structuredClone({
      market, seq: model.seq, epoch: model.epoch, tiles: model.tiles ?? null, times: model.times ?? null, decomposition: model.decomposition ?? null,
      status: model.status, info: model.info, coverage: model.coverage ?? null, gaps: model.gaps ?? [],
      distribution: model.distribution ?? null, standing: model.standing, steps: model.series?.length ?? 0, columns: model.columns?.length ?? 0,
      state: stack.element.dataset.state, edge: stack.edge, told: stack.told, drawn: stack.drawn, firstAt: stack.firstAt ?? null, user: stack.ranges.user,
      ranges: views ? { time: [views.book.start, views.book.end], price: [views.book.low, views.book.high] } : null,
      evidence: stack.made.get("evidence")?.shown ?? null, tab: stack.tab, awaiting: stack.awaiting, axes: stack.tab !== "flow" || flow.axes.settled,
    });
  };
  const drawings = () => Object.fromEntries([...page.stacks.values()].map((stack) => [stack.market, stack.drawn]));
  const stats = () => ({ bytes: page.bytes, frames: page.frames, seconds: page.seconds, link: { ...page.connection.link }, server: page.server, wishes: page.wishes.held.size, moved: page.easel.moved });
  Object.defineProperty(window, "ofi", { value: Object.freeze({ view, drawings, stats }), writable: false });
}
