"""What a chart of the page shows, read from the data that Plotly drew."""

from playwright.sync_api import Page

READ = """name => {
  const plot = document.querySelector(`metric-chart[data-name=${name}] .plot`);
  const trace = plot?.data?.[0];
  return trace ? [Array.from(trace.x), Array.from(trace.y)] : [[], []];
}"""


def drawn(page: Page, name: str = "loss") -> tuple[list[float], list[float]]:
    """x and y of the training curve."""
    x, y = page.evaluate(READ, name)
    return x, y
