// Files that the page makes: named after what they hold, downloaded by the browser.

/** Offers `blob` as a download. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** A name that any file system takes: `ofi_binance-BTC-USDT_book_20261125T183000Z.csv`. */
export function fileName(market, panel, ms, ending) {
  const plain = market.replace(/[^A-Za-z0-9]+/g, "-");
  const time = new Date(ms).toISOString().replace(/\.\d+Z$/, "Z").replace(/[-:]/g, "");
  return `ofi_${plain}_${panel}_${time}.${ending}`;
}
