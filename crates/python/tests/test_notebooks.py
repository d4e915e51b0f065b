"""The notebooks run as they are, and find what they say."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT

NOTEBOOKS = sorted((ROOT / "examples/python").glob("*.ipynb"))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(notebook: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("matplotlib")
    content = nbformat.read(notebook, as_version=4)
    # Its assertions hold its figures.
    nbclient.NotebookClient(content, timeout=900, resources={"metadata": {"path": ROOT}}).execute()
    assert all(cell.get("execution_count") for cell in content.cells if cell.cell_type == "code")
