"""A comparison by local features that takes long says so before it starts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

import imgdup_nb as dup
from aligned_pictures import crop, noise
from imgdup_nb.aligned import forecast
from imgdup_nb.aligned.scores import FeaturePair
from imgdup_nb.engine import parallel
from imgdup_nb.engine.features import aligned_features


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    folder = tmp_path_factory.mktemp("album")
    for seed in range(2):
        noise(seed, 64, 48).resize((320, 240)).save(folder / f"{seed}.png")
        crop(noise(seed, 64, 48).resize((320, 240)), 0.8).save(folder / f"{seed} (1).png")
    return folder


@pytest.fixture(autouse=True)
def no_bars(monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")


def test_a_long_comparison_is_announced_and_a_short_one_is_not(album, monkeypatch, capsys):
    prints = dup.fingerprint_images(dup.scan_images(album), "aligned")
    dup.similar_pairs(prints)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(forecast, "MIN_ANNOUNCED", 0)
    dup.similar_pairs(prints)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(parallel, "SLOW", 0.0)
    dup.similar_pairs(prints)
    first, second = capsys.readouterr().err.splitlines()[:2]
    assert first == "Comparing 4 images by their local features takes about 0.1 minutes."
    assert second.startswith("Aligning")
    assert second.endswith("pairs takes about 0.1 minutes.")
    with ThreadPoolExecutor(1) as pool:
        dup.similar_pairs(prints, executor=pool)
    assert "takes about 0.1 minutes of one processor." in capsys.readouterr().err


def test_a_collection_announces_only_what_it_has_not_kept(album, monkeypatch, capsys):
    monkeypatch.setattr(forecast, "MIN_ANNOUNCED", 1)
    monkeypatch.setattr(parallel, "SLOW", 0.0)
    with dup.Collection(album) as photos:
        photos.pairs("aligned")
        assert "Comparing 4 images" in capsys.readouterr().err
        noise(7, 64, 48).resize((320, 240)).save(album / "new.png")
        photos.update()
        photos.pairs("aligned")
        assert "Comparing 1 image by" in capsys.readouterr().err
    (album / "new.png").unlink()


def test_the_time_of_a_comparison_grows_with_the_number_of_images(monkeypatch):
    said = []
    monkeypatch.setattr(forecast, "seconds_a_pair", lambda pair_of, method: 0.001)
    monkeypatch.setattr(forecast, "announce", lambda what, seconds, executor: said.append(seconds))
    for n in (1000, 5000, 20_000):
        forecast.announce_comparison([None] * n, n, "aligned", None)
    assert said == [pytest.approx(5000 * 28 / 1000), pytest.approx(20_000 * 38 / 1000)]


def test_what_is_compiled_at_first_does_not_count(monkeypatch):
    clock, scored = [100.0], []

    def score(pairs, method):
        scored.append([id(image) for pair in pairs for image in pair[:2]])
        clock[0] += 0.064 if len(scored) > 1 else 5.0
        return [None] * len(pairs)

    monkeypatch.setattr(forecast, "score_pairs", score)
    monkeypatch.setattr(forecast.time, "process_time", lambda: clock[0])
    images = [aligned_features(noise(seed, 32, 24)) for seed in range(2)]
    each = forecast.seconds_a_pair(lambda k: FeaturePair(*images), "aligned")
    assert each == pytest.approx(0.001)
    assert len(scored) == 2
    assert not set(scored[0]) & set(scored[1])  # what is remembered of an image is of no help
