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
    {"checks", "methods", "parallel", "demo", "loops", "storage", "text", "remarks", "local.feature_loops",
     "local.colour_loops", "local.alignment_loops", "local.key_loops", "evidence.intervals"},
    {"decode", "bit_loops", "shrink", "onnx"},
    {"sketches", "hashes", "local.features", "local.transforms"},
    {"images", "local.shared_part", "local.colours"},
    {"fingerprints", "local.agreement", "local.feature_sets"},
    {"search", "local.candidates", "relations", "local.frames", "sentences"},
    {"local.alignment", "local.flat"},
    {"local.scores"},
    {"local.looks"},
    {"pairs"},
    {"graph", "review.files", "review.variants"},
    {"linkages", "verify"},
    {"groups"},
    {"changes"},
    {"review.keepers", "review.journal", "evidence.evaluate", "evidence.labels"},
    {"review.steps", "evidence.survey", "evidence.defaults", "evidence.apart"},
    {"evidence.strangers"},
    {"review.actions", "evidence.calibrate", "evidence.bursts", "evidence.tune"},
    {"evidence.recommend"},
    {"evidence.decision"},
    {"index.upload", "index.store", "index.local_answers"},
    {"index.recipes", "index.rescan"},
    {"index.prints", "index.rows", "index.said"},
    {"index.parts", "index.reading"},
    {"index.kept", "index.kept_local"},
    {"index.intake"},
    {"index.folder"},
    {"index.matches"},
    {"index.questions"},
    {"index.collection"},
    {"index.answers", "server.errors"},
    {"server.contexts", "server.uploads"},
    {"server.work"},
    {"server.operations"},
    {"server.openapi"},
    {"server.handlers"},
    {"server.extension"},
    {"plots", "review.report", "comparison"},
    {"evidence.plots", "index.plots", "compare"},
    {"widgets.thumbnails", "widgets.rows", "widgets.values"},
    {"widgets.state", "widgets.base"},
    {"widgets.explorer", "widgets.labeler", "widgets.reviewer", "widgets.viewer"},
]  # fmt: skip
WIDGETS = {"widgets.base", "widgets.explorer", "widgets.labeler", "widgets.reviewer", "widgets.state", "widgets.viewer"}
ONLY_IN = {
    "matplotlib": {"plots", "evidence.plots", "index.plots", "comparison"} | WIDGETS,
    "ipywidgets": WIDGETS,
    "anywidget": WIDGETS,
    "numba": {"loops", "bit_loops", "local.colour_loops", "local.feature_loops", "local.alignment_loops", "local.key_loops"},
    "cv2": {"local.features"},
    "sqlite3": {"index.store"},
    "jupyter_server": {"server.extension", "server.handlers"},
    "tornado": {"server.handlers", "server.uploads"},
    "onnxruntime": {"onnx"},
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


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_module_imports_only_from_layers_below(path):
    own, others = imports_of(path)
    [height] = [height for height, layer in enumerate(LAYERS) if dotted(path) in layer]
    below = set().union(*LAYERS[:height])
    assert own <= below, f"{dotted(path)} reaches up or sideways: {own - below}"
    for package, allowed in ONLY_IN.items():
        assert package not in others or dotted(path) in allowed


def test_every_public_name_is_documented():
    assert len(imgdup_nb.__all__) == len(set(imgdup_nb.__all__))
    for name in imgdup_nb.__all__:
        assert getattr(imgdup_nb, name).__doc__, name


def test_importing_is_light():
    heavy = ("numba", "matplotlib", "skimage", "sklearn", "cv2")
    code = f"import sys, imgdup_nb; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\[\]\s*", result.stdout)
