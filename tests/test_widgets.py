"""What holds for every widget."""

import numpy as np
import pytest

import imgdup_nb as dup


@pytest.mark.parametrize("tool", [dup.ThresholdExplorer, dup.PairLabeler, dup.GroupReviewer])
def test_the_module_is_one_plain_es_module_that_loads_nothing(tool):
    module = str(tool._esm)
    assert module.count("export default") == 1
    assert "import " not in module.replace("important ", "")
    assert "http" not in module.replace("http://www.w3.org/2000/svg", "")
    assert "innerHTML" not in module


@pytest.mark.parametrize("tool", [dup.ThresholdExplorer, dup.PairLabeler])
def test_what_is_no_images_table_is_refused_with_the_way_to_one(tool):
    bits = np.zeros((2, 64), dtype=bool)
    pairs = dup.similar_pairs(dup.Fingerprints.from_bits(["a", "b"], bits))
    for wrong in (pairs, "photos/"):
        with pytest.raises(
            TypeError, match=r"images must be a table made by scan_images\(folder\)"
        ):
            tool(pairs, wrong)
