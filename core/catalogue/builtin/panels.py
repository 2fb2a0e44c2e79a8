"""The paper's figures and Table 1, and two panels beyond it from the same runs."""

from core.catalogue import PanelType, panels

BUILD, JUDGE = "core.paper.panels", "core.paper.conditions"

panels.add(
    PanelType(
        name="1a",
        title="Figure 1a",
        build=f"{BUILD}.curves:figure_1a",
        study="figure-1a",
        role="1a",
        claim="The network fits true labels, shuffled pixels, Gaussian images, random pixels and "
        "random labels alike; random labels only take longer.",
        judge=f"{JUDGE}:figure_1a",
    )
)
panels.add(
    PanelType(
        name="1b",
        title="Figure 1b",
        build=f"{BUILD}.convergence:figure_1b",
        kind="points",
        study="figure-1bc",
        role="1bc",
        fits=True,
        claim="Fitting random labels slows training by a small constant factor, which grows with "
        "the level of corruption.",
        judge=f"{JUDGE}:figure_1b",
    )
)
panels.add(
    PanelType(
        name="1c",
        title="Figure 1c",
        build=f"{BUILD}.convergence:figure_1c",
        kind="points",
        study="figure-1bc",
        role="1bc",
        fits=True,
        claim="Test error, against test labels corrupted like the training labels, grows steadily "
        "with label corruption, up to chance, although every network fits its training set.",
        judge=f"{JUDGE}:figure_1c",
    )
)
panels.add(
    PanelType(
        name="2a",
        title="Figure 2a",
        build=f"{BUILD}.accuracy:figure_2a",
        study="figure-2a",
        role="2a",
        claim="Explicit regularisation helps by a few points, but a network without it still "
        "generalises: it is not the fundamental reason.",
        judge=f"{JUDGE}:figure_2a",
    )
)
panels.add(
    PanelType(
        name="2b",
        title="Figure 2b",
        build=f"{BUILD}.accuracy:figure_2b",
        study="figure-2b",
        role="2b",
        claim="Batch normalisation improves test accuracy by a few points.",
        judge=f"{JUDGE}:figure_2b",
    )
)
panels.add(
    PanelType(
        name="table-1",
        title="Table 1",
        build=f"{BUILD}.table:table_1",
        kind="rows",
        study="table-1",
        role="table-1",
        claim="Every network fits its training set, true labels or random ones; final test "
        "accuracies are the paper's.",
        judge=f"{JUDGE}:table_1",
    )
)
panels.add(
    PanelType(
        name="clean-corrupted",
        title="Clean and corrupted",
        build=f"{BUILD}.atlas:clean_corrupted",
        study="figure-1bc",
        role="1bc",
        takes_runs=True,
        corrupted=True,
        fits=True,
    )
)
panels.add(
    PanelType(
        name="atlas",
        title="All curves",
        build=f"{BUILD}.atlas:atlas",
        takes_runs=True,
    )
)
