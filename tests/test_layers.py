"""Data flows one way, and so do imports."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import imgdup_nb

PACKAGE = Path(imgdup_nb.__file__).parent
LAYERS = [
    {"checks", "parallel", "demo", "loops", "feature_loops", "storage", "hashes", "text", "intervals"},
    {"decode", "bit_loops"},
    {"images", "features"},
    {"fingerprints", "alignment"},
    {"search", "candidates"},
    {"local"},
    {"pairs"},
    {"groups", "files", "variants"},
    {"keepers", "journal", "evaluate", "labels"},
    {"steps", "survey", "defaults"},
    {"actions", "calibrate", "bursts", "tune"},
    {"recommend"},
    {"decision"},
    {"apart", "upload", "store"},
    {"kept", "rescan"},
    {"intake", "said"},
    {"collection"},
    {"plots", "report", "compare"},
    {"plots_evidence"},
    {"widgets"},
]  # fmt: skip
ONLY_IN = {
    "matplotlib": {"plots", "plots_evidence", "compare", "widgets"},
    "ipywidgets": {"widgets"},
    "anywidget": {"widgets"},
    "numba": {"loops", "bit_loops", "feature_loops"},
    "cv2": {"features"},
}


def imports_of(path):
    """Return (own modules, other packages) a module imports anywhere."""
    own, others = set(), set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            own |= {node.module} if node.module else {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            others.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            others |= {alias.name.split(".")[0] for alias in node.names}
    return own, others


MODULES = sorted(path for path in PACKAGE.glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_imports_only_from_layers_below(path):
    own, others = imports_of(path)
    [height] = [height for height, layer in enumerate(LAYERS) if path.stem in layer]
    below = set().union(*LAYERS[:height])
    assert own <= below, f"{path.stem} reaches up or sideways: {own - below}"
    for package, allowed in ONLY_IN.items():
        assert package not in others or path.stem in allowed


def test_every_public_name_is_documented():
    assert len(imgdup_nb.__all__) == len(set(imgdup_nb.__all__))
    for name in imgdup_nb.__all__:
        assert getattr(imgdup_nb, name).__doc__, name


def test_importing_is_light():
    heavy = ("numba", "matplotlib", "skimage", "sklearn", "cv2")
    code = f"import sys, imgdup_nb; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\[\]\s*", result.stdout)
