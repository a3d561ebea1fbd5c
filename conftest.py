"""What all doctests have: the package under the name that its documentation uses."""

import pytest

import imgdup_nb


@pytest.fixture(autouse=True, scope="session")
def _package_in_examples(doctest_namespace):
    doctest_namespace["dup"] = imgdup_nb
