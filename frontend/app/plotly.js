/** Loads plotly.js, once and only when a view draws; it is served from the installed wheel. */

import { store, watch } from "./store.js";

let loading = null;

/** The wheel's version, part of the address: what a browser caches under it never changes. */
function version() {
  return new Promise((resolve) => {
    const stop = watch(["capabilities"], () => {
      stop();
      resolve(store.capabilities.plotly_version);
    });
    if (store.capabilities) {
      stop();
      resolve(store.capabilities.plotly_version);
    }
  });
}

/** Resolves to Plotly; rejects if the script cannot be loaded, and can then be tried again. */
export function loadPlotly() {
  loading ??= version().then(
    (wheel) =>
      new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = `/static/plotly.min.js?v=${encodeURIComponent(wheel)}`;
        script.onload = () => resolve(window.Plotly);
        script.onerror = () => {
          loading = null;
          script.remove();
          reject(new Error("The chart library could not be loaded. Reload the page."));
        };
        document.head.append(script);
      }),
  );
  return loading;
}
