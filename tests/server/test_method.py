"""The service answers on the scale of the tutorial's service, and says by which method."""

import pytest

from imgdup_nb.methods import METHODS
from imgdup_nb.server.extension import SearchContexts, choose_method


@pytest.fixture
def without_opencv(monkeypatch):
    """Local features cannot be made."""
    real = type(METHODS["aligned"]).made_with

    def made_with(method):
        if method.name in {"aligned", "akaze"}:
            raise ImportError('pip install "imgdup-nb[local]"')
        return real(method)

    monkeypatch.setattr(type(METHODS["aligned"]), "made_with", made_with)


def test_local_features_are_the_default_and_any_method_can_be_chosen():
    assert SearchContexts().method == ""
    assert choose_method("") == ("aligned", "")
    for method in ("phash", "akaze", "aligned"):
        assert choose_method(SearchContexts(method=method).method) == (method, "")
    with pytest.raises(ValueError, match=r"SearchContexts\.method must be one of"):
        SearchContexts(method="eyes")


def test_without_opencv_it_is_a_hash_and_the_reason_is_said(without_opencv):
    method, problem = choose_method("")
    assert method == "phash"
    assert "pip install" in problem
    with pytest.raises(ImportError, match="pip install"):
        choose_method("aligned")


def test_status_description_and_log_name_the_method(service, context):
    assert service.ask("GET", f"/{context.replace(' ', '%20')}/status").json["method"] == "phash"
    described = service.call("GET", "/v3/openapi.json").json["info"]
    assert described["x-similarity-method"] == "phash"
    assert "by the method phash" in described["description"]
    assert "by phash, at v3.0 and v3" in service.log
