"""`rethink race`: true labels against random labels."""

from typing import Annotated

import typer

from core.paper.criteria import CriterionName
from core.paper.scales import Scale
from core.paper.studies import StudyName
from core.run.spec import Precision, Variant


def race(
    model: Annotated[str | None, typer.Option(help="The network.")] = None,
    dataset: Annotated[str | None, typer.Option(help="In place of CIFAR-10.")] = None,
    scale: Annotated[
        Scale, typer.Option(help="full: the paper's setting; smoke and quick: fewer images.")
    ] = Scale.FULL,
    variant: Annotated[
        Variant, typer.Option(help="The paper's setting or the report's.")
    ] = Variant.PAPER,
    precision: Annotated[
        Precision | None, typer.Option(help="Number format; left out, the workers choose.")
    ] = None,
    criterion: Annotated[CriterionName, typer.Option(help="When a run has arrived.")] = "default",
    watch: Annotated[bool, typer.Option(help="Show it to its end.")] = True,
) -> None:
    """Train a network on true labels and on random ones, beside each other, until both fit.

    Exit code: 0 launched (watched: both fitted), 1 failed, 2 input that is not allowed.
    """
    from rethink.client import Client
    from rethink.race import follow

    request = {
        "model": model,
        "dataset": dataset,
        "scale": scale,
        "variant": variant,
        "precision": precision,
        "criterion": criterion,
    }
    with Client() as client:
        study = client.studies.create(StudyName.RACE, **request)
        typer.echo(f"{client.url}/#/race?study={study.id}")
        if not watch:
            return
        try:
            ended = follow(client, study.id, typer.echo)
        except KeyboardInterrupt:
            typer.echo(f"No longer watching; `rethink study cancel {study.id}` ends it.")
            return
        if ended is None or any(lane.fit != "fitted" for lane in ended.lanes):
            raise typer.Exit(1)
