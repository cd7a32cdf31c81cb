"""What is not in its place on a page: scripts that give a list, which is to be empty."""

# Parts of a market beyond its own left or right edge.
OUTSIDE = """() => [...document.querySelectorAll('.stack')].flatMap(stack => {
  const own = stack.getBoundingClientRect();
  return [...stack.querySelectorAll('.panel, .mkt, .read, .foot')].filter(part => {
    const box = part.getBoundingClientRect();
    return box.width && (box.left < own.left - 1 || box.right > own.right + 1);
  }).map(part => part.className);
})"""
# Pairs of panels, tiles and bars of the page that share more than a pixel of the screen.
OVERLAPS = """() => {
  const seen = [...document.querySelectorAll(
    'header, #side, #tabs, .stack, .mkt .id, .tile, .read, .tabpane:not([hidden]) .panel, .foot, .bottom')]
    .map(one => [one, one.getBoundingClientRect()]).filter(([, box]) => box.width > 1 && box.height > 1);
  const name = one => one.dataset.panel || one.id || one.className || one.tagName;
  const found = [];
  seen.forEach(([a, p], k) => seen.slice(k + 1).forEach(([b, q]) => {
    if (a.contains(b) || b.contains(a)) return;
    if (getComputedStyle(a).position === 'fixed' || getComputedStyle(b).position === 'fixed') return;
    const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
    const tall = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    // What a scrolled list has cut off is not on the screen.
    if (wide > 1 && tall > 1 && !a.closest('#stacks') === !b.closest('#stacks'))
      found.push(`${name(a)} over ${name(b)}: ${Math.round(wide)} x ${Math.round(tall)}`);
  }));
  return found;
}"""
# Words that are cut off at the edge of their box though nothing says that they go on.
CUT = """() => [...document.querySelectorAll(
    '.tile .v, .tile .s, .tile dt, .mkt .px, .ph h3, .ph .of, .corner, .cov, .foot .q:not(.q-gaps)')]
  .filter(one => {
    const within = one.closest('.tile, .plot-head, .cross-head, .cv, .foot, .mkt').getBoundingClientRect();
    const range = document.createRange();
    range.selectNodeContents(one);
    const words = range.getBoundingClientRect();
    return one.offsetParent && words.width && words.right > within.right + 1;
  }).map(one => `${one.className || one.tagName}: ${one.textContent}`)"""

# Figures that are shown on a line of the bar that is cut off: who moves by the keyboard gets there.
UNSEEN = """() => [...document.querySelectorAll('.tile')].filter(tile => {
  const box = tile.getBoundingClientRect(), bar = tile.closest('.mkt').getBoundingClientRect();
  return box.height && box.bottom > bar.bottom + 1;
}).map(tile => tile.className)"""

# Heads of charts of market data that do not say what their values are in; `Distribution` has the axis of
# its row, and what made the OFI says it beside each sum.
UNITLESS = """() => [...document.querySelectorAll('.rows > .panel, .trows > .panel')].flatMap(panel => {
  const seen = one => one.offsetParent && one.getBoundingClientRect().width > 1 && one.textContent;
  const heads = [...panel.querySelectorAll('.plot-head, .cross-head')].filter(one => one.offsetParent);
  const spared = ['Distribution', 'What made this OFI'];
  return heads.filter(head => !spared.includes(head.querySelector('h3').textContent))
    .filter(head => ![...head.querySelectorAll('.of')].some(seen))
    .filter(head => head.matches('.cross-head') || ![...panel.querySelectorAll('.corner')].some(seen))
    .map(head => head.querySelector('h3').textContent);
})"""
# Panels without a line that says what they show, and those whose line, or whose coverage and how the stream
# comes, are read neither beside the title nor in the menu; not visible to who moves by the keyboard, either.
UNSAID = """() => [...document.querySelectorAll('.tabpane:not([hidden]) .panel')].flatMap(panel => {
  const menu = panel.querySelector('.panel-menu');
  if (!panel.offsetParent || !menu) return [];
  menu.click();
  const note = document.querySelector('.menu-note')?.textContent ?? '';
  menu.click();
  const name = panel.querySelector('h3').textContent, line = panel.querySelector('.plot-head p').textContent;
  const seen = one => one.offsetParent && one.scrollWidth <= one.clientWidth;
  const told = one => note.includes(one.textContent);
  const lines = [...panel.querySelectorAll('.ph p')].filter(one => !seen(one) && !told(one));
  const cov = panel.querySelector('.plot-head .cov'), parts = cov ? [cov, ...cov.children] : [];
  const hidden = parts.some(one => !one.offsetParent && one.textContent);
  const covered = !hidden || (cov.title && note.includes(cov.title));
  const stops = [...panel.querySelectorAll('.ph a')].filter(one => !one.textContent && one.offsetParent);
  return [line ? [] : [`${name}: no line`], lines.map(one => `${name}: ${one.textContent}`),
    covered ? [] : [`${name}: ${cov.textContent}`], stops.map(() => `${name}: an empty link`)].flat();
})"""
# Lines, coverages and fidelities that are not seen in the heads of panels, though the menu may have them.
ELSEWHERE = """() => [...document.querySelectorAll('.tabpane:not([hidden]) .plot-head :is(p, .cov, .fid)')]
  .filter(one => one.textContent && !(one.offsetParent && one.getBoundingClientRect().width > 30))
  .map(one => one.textContent)"""
# Controls of the header that lie over one another, beyond its edges, or are less than a pointer needs.
HEADER = """() => {
  const seen = [...document.querySelectorAll('.top :is(button, .pill, .ctl)')]
    .filter(one => one.offsetParent).filter(one => !one.closest('.ctl') || one.matches('.ctl'))
    .map(one => [one, one.getBoundingClientRect()]);
  const name = one => one.id || one.dataset.market || one.className;
  const out = seen.filter(([one, box]) => {
    const least = one.matches('.pill') ? 22 : one.matches('.mchip') ? 28 : 30;
    return box.left < 0 || box.right > innerWidth || box.height < least || box.width < least;
  }).map(([one, box]) => `${name(one)}: ${[box.left, box.right, box.height].map(Math.round)}`);
  seen.forEach(([a, p], k) => seen.slice(k + 1).forEach(([b, q]) => {
    if (Math.min(p.right, q.right) - Math.max(p.left, q.left) > 0
      && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 0) out.push(`${name(a)} over ${name(b)}`);
  }));
  return out;
}"""
# Markets whose last line lies over their panels, or whose panels go beyond them.
UNDER = """() => [...document.querySelectorAll('.stack')].flatMap(stack => {
  const foot = stack.querySelector('.foot').getBoundingClientRect();
  const end = stack.getBoundingClientRect().bottom;
  return [...stack.querySelectorAll('.tabpane:not([hidden]) .panel')].filter(panel => {
    const { height, bottom } = panel.getBoundingClientRect();
    return height > 1 && bottom > foot.top + 1;
  }).map(panel => panel.dataset.panel).concat(foot.bottom > end + 1 ? ['foot'] : []);
})"""
# Words of the heads beside the charts of trades that lie under the button of the menu.
BESIDE = """() => [...document.querySelectorAll('.tside .ph')].flatMap(head => {
  const menu = head.querySelector('.panel-menu').getBoundingClientRect();
  return [...head.querySelectorAll('h3, p, .cov')]
    .filter(one => one.offsetParent && one.getBoundingClientRect().right > menu.left)
    .map(one => one.textContent);
})"""
# Rows of the tape whose time and price touch.
TOUCHING = """() => [...document.querySelectorAll('.tape tbody tr')].filter(row => {
  if (!row.offsetHeight) return false;
  const [time, price] = [...row.cells].map(cell => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    return range.getBoundingClientRect();
  });
  return price.left < time.right + 4;
}).map(row => row.textContent)"""
