"""Pictures in the tools that papers are written with: pdflatex or tectonic, and an SVG reader."""

import os
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from backend.figures import publication
from core.paper.plans import Planned
from core.paper.scales import Scale
from core.run.metrics import EpochMetrics
from tests.core.hand_made import fits_at, panel

DOCUMENT = r"""\documentclass{article}
\usepackage{graphicx}
\begin{document}
%s
\end{document}
"""
PAGE = r"\begin{figure}\includegraphics{%s}\end{figure}\clearpage"


def curve(planned: Planned) -> list[EpochMetrics]:
    return fits_at(5 + planned.role.seed, planned.demand.epochs)


POINTS, CURVES, TABLE = "1b", "2b", "table-1"
"""One panel of each kind."""


def pictures(folder: Path, format: str, *names: str) -> list[Path]:
    files = []
    for name in names:
        file = folder / f"{name}.{format}"
        scale = Scale.QUICK if name == "table-1" else Scale.SMOKE
        file.write_bytes(publication.render(panel(name, curve, scale=scale, seeds=2), format))
        files.append(file)
    return files


def typeset(folder: Path, files: list[Path]) -> str:
    """Put the files into a document, a page each; what LaTeX logged."""
    latex = shutil.which("pdflatex") or shutil.which("tectonic")
    if latex is None:
        pytest.skip("NO LATEX TEST: no pdflatex and no tectonic found. Install texlive-latex-base.")
    source = folder / "paper.tex"
    source.write_text(DOCUMENT % "\n".join(PAGE % file.name for file in files))
    options = ["-interaction=nonstopmode", "-halt-on-error"] if "pdflatex" in latex else ["-k"]
    answer = subprocess.run(
        [latex, *options, source.name],
        cwd=folder,
        env=os.environ | {"max_print_line": "1000"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    said = (answer.stdout + answer.stderr).decode(errors="replace")
    assert answer.returncode == 0, said
    assert (folder / "paper.pdf").read_bytes().startswith(b"%PDF")
    return said


def test_latex_includes_the_pictures_without_a_warning(tmp_path: Path) -> None:
    files = pictures(tmp_path, "pdf", POINTS, CURVES, TABLE)
    said = typeset(tmp_path, files)
    for file in files:
        assert file.name in said
    assert f"({len(files)} pages" in said or "tectonic" in said
    assert "arning" not in said.replace("Warning: No file paper.aux", ""), said


def test_an_svg_reader_draws_a_picture(tmp_path: Path) -> None:
    """Through a PDF, as LaTeX takes an SVG; without a reader the file is well-formed at least."""
    (file,) = pictures(tmp_path, "svg", POINTS)
    assert ET.parse(file).getroot().get("viewBox")
    reader = shutil.which("rsvg-convert")
    if reader is None:
        pytest.skip("NO SVG READER: rsvg-convert not found. Install librsvg2-bin.")
    made = file.with_suffix(".pdf")
    subprocess.run([reader, "-f", "pdf", "-o", made, file], check=True, timeout=60)
    typeset(tmp_path, [made])
