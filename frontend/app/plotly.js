/** Loads plotly.js, once and only when a view draws; it is served from the installed wheel. */

import { store } from "./store.js";

let loading = null;

/** Resolves to Plotly; rejects if the script cannot be loaded, and can then be tried again. */
export function loadPlotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    // The wheel's version is part of the address: what a browser caches under it never changes.
    script.src = `/static/plotly.min.js?v=${encodeURIComponent(store.capabilities.plotly_version)}`;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      loading = null;
      script.remove();
      reject(new Error("The chart library could not be loaded. Reload the page."));
    };
    document.head.append(script);
  });
  return loading;
}
