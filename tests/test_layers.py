"""Data flows one way, and so do imports."""

import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import imgdup_nb

PACKAGE = Path(imgdup_nb.__file__).parent
LAYERS = [
    {"methods"},
    {"engine"},
    {"images", "groups", "embeddings", "demo"},
    {"fingerprints", "sweep", "review"},
    {"aligned"},
    {"pairs", "compare"},
    {"evidence"},
    {"collection", "plots", "datasets"},
    {"widgets", "server"},
    {"find", "lab", "console"},
    {"cli"},
    {"__main__"},
]
WIDGETS = {
    "widgets.base",
    "widgets.explorer",
    "widgets.labeler",
    "widgets.reviewer",
    "widgets.state",
    "widgets.viewer",
}
ONLY_IN = {
    "matplotlib": {
        "plots.parts",
        "plots.sheets",
        "plots.tables",
        "plots.evidence",
        "plots.matches",
        "compare",
        "engine.figures",
    }
    | WIDGETS,
    "ipywidgets": WIDGETS,
    "anywidget": WIDGETS,
    "numba": {"engine.jit", "engine.multi_index"},
    "click": {"cli", "console"},
    "cv2": {"engine.features"},
    "sqlite3": {"collection.store"},
    "jupyter_server": {"server.extension", "server.handlers", "server.routes"},
    "tornado": {"server.handlers", "server.uploads"},
    "onnxruntime": {"embeddings"},
}


def dotted(path):
    """Return a module's name below the package, such as `review.files`."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def imports_of(path):
    """Return (own modules, other packages) a module imports anywhere."""
    own, others = set(), set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            room = dotted(path).split(".")[: -node.level]
            names = [node.module] if node.module else [alias.name for alias in node.names]
            own |= {".".join([*room, name]) for name in names}
        elif isinstance(node, ast.ImportFrom):
            others.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            others |= {alias.name.split(".")[0] for alias in node.names}
    return own, others


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.stem != "__init__")


def room(name):
    """Return where a module belongs: its folder, or itself where it lies in the root."""
    return name.partition(".")[0]


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_module_imports_only_from_rooms_below(path):
    own, others = imports_of(path)
    [height] = [height for height, layer in enumerate(LAYERS) if room(dotted(path)) in layer]
    below = set().union(*LAYERS[:height])
    assert {room(name) for name in own} - {room(dotted(path))} <= below, (
        f"{dotted(path)} reaches up or sideways"
    )
    for package, allowed in ONLY_IN.items():
        assert package not in others or dotted(path) in allowed


def test_no_imports_go_round_in_a_circle():
    graph = {dotted(path): imports_of(path)[0] for path in MODULES}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) >= len(MODULES)


def test_every_public_name_is_documented():
    assert len(imgdup_nb.__all__) == len(set(imgdup_nb.__all__))
    for name in imgdup_nb.__all__:
        assert getattr(imgdup_nb, name).__doc__, name


def test_importing_is_light():
    heavy = ("numba", "matplotlib", "skimage", "sklearn", "cv2", "scipy", "IPython", "ipywidgets")
    code = f"import sys, imgdup_nb; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"\[\]\s*", result.stdout)
