"""A collection keeps local features and embeddings too; answers are those of the functions."""

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter, ImageOps

import imgdup_nb
from imgdup_nb import (
    Collection,
    compare_images,
    fingerprint_images,
    fingerprints,
    group_duplicates,
    scan_images,
    similar_pairs,
)
from imgdup_nb.aligned import candidates, votes
from imgdup_nb.aligned import matching as looks
from imgdup_nb.collection import fingerprints as recipes
from imgdup_nb.collection import intake as reading
from imgdup_nb.collection import pairs as kept_local
from imgdup_nb.engine import copies as relations
from imgdup_nb.engine import hashing
from imgdup_nb.engine.decode import UnreadableImage

pytestmark = pytest.mark.filterwarnings("ignore:.*could not be (read|shown)")


@pytest.fixture
def album(tmp_path, picture):
    """Return a picture with texture, its copies, two other pictures, and some without texture."""
    folder = tmp_path / "album"
    folder.mkdir()
    cat, dog, tree = (textured(seed) for seed in range(3))
    cat.save(folder / "cat.png")
    cat.save(folder / "cat.webp", quality=95)
    cat.crop((30, 20, 300, 210)).save(folder / "crop.png")
    cat.rotate(20, expand=True).save(folder / "turned.jpg", quality=90)
    dog.save(folder / "dog.png")
    tree.save(folder / "tree.png")
    for name, side in (("moon.png", 200), ("moon small.png", 100)):
        picture(7, side, side).filter(ImageFilter.GaussianBlur(side / 12)).save(folder / name)
    return folder


def textured(seed):
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", (320, 240), "grey")
    for _ in range(250):
        spot = Image.new("RGB", tuple(rng.integers(8, 40, 2)), tuple(rng.integers(0, 256, 3)))
        picture.paste(
            spot.rotate(int(rng.integers(0, 90))),
            (int(rng.integers(0, 310)), int(rng.integers(0, 230))),
        )
    return picture


def mean_colors(pictures):
    return [np.asarray(picture.resize((3, 3))).ravel() for picture in pictures]


def tell(monkeypatch, module, name):
    """Count the images that a function of a module is given."""
    counted, function = [], getattr(module, name)

    def count(some, *arguments, **options):
        counted.append(len(some))
        return function(some, *arguments, **options)

    monkeypatch.setattr(module, name, count)
    return counted


@pytest.mark.parametrize("method", ["aligned", "akaze"])
def test_local_features_are_kept_and_answer_like_the_functions(album, method, monkeypatch):
    images = scan_images(album)
    prints = fingerprint_images(images, method)
    expected = similar_pairs(prints)
    assert len(expected)
    with Collection(album) as collection:
        assert [a.to_bytes() for a in collection.fingerprints(method).codes[:, 0]] == [
            a.to_bytes() for a in prints.codes[:, 0]
        ]
        for _ in range(2):
            pd.testing.assert_frame_equal(collection.pairs(method), expected)
        collection._pairs = None
    fingerprinted, compared = (
        tell(monkeypatch, recipes, "fingerprint_images"),
        tell(monkeypatch, kept_local, "find_local_pairs"),
    )
    with Collection(album) as collection:
        pairs = collection.pairs(method)
        pd.testing.assert_frame_equal(pairs, expected)
        assert pairs.attrs == expected.attrs
        pd.testing.assert_frame_equal(
            collection.pairs(method, min_similarity=90), similar_pairs(prints, min_similarity=90)
        )
        assert list(collection.groups(70, method=method)) == list(group_duplicates(expected, 70))
        assert fingerprinted == compared == []
        textured(9).save(album / "new.png")
        (album / "tree.png").unlink()
        collection.update()
        now = similar_pairs(fingerprint_images(scan_images(album), method))
        pd.testing.assert_frame_equal(collection.pairs(method), now)
        assert fingerprinted == [1]
        assert collection.methods == ["phash", method]


def change_something(folder, rng):
    """Do one of the things people do to files, some of which turn the order of names round."""
    files = sorted(folder.glob("*.*g"))
    one, new = rng.choice(files), folder / f"{rng.choice('am')}{rng.randrange(10**6)}.png"
    deed = rng.choice(["new", "new", "edit", "move", "copy", "delete"])
    whole = textured(rng.randrange(4))
    left, top = rng.randrange(60), rng.randrange(40)
    if deed in {"new", "edit"}:
        part = whole.crop((left, top, left + 250, top + 190))
        rng.choice([part, ImageOps.mirror(whole), whole.rotate(30), whole]).save(
            new if deed == "new" else one
        )
    elif deed == "move":
        one.rename(new)
    elif deed == "copy":
        shutil.copy(one, new)
    elif len(files) > 3:
        shutil.move(one, folder / ".away")  # it may come back
    away = folder / ".away"
    if deed != "delete" and away.exists() and rng.random() < 0.5:
        shutil.move(away, folder / "back.png")


@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_and_goes_local_pairs_are_those_of_a_fresh_comparison(
    album, seed, monkeypatch
):
    # few votes count, so that images push pairs of others out and let them in again
    monkeypatch.setattr(candidates, "MAX_PARTNERS", 1)
    monkeypatch.setattr(candidates, "MANY_VOTES", 10**6)
    # of each image only the two best votes are kept, which are counted anew when both are removed
    monkeypatch.setattr(votes, "KEPT_PARTNERS", 2)
    monkeypatch.setattr(kept_local, "KEPT_PARTNERS", 2)
    monkeypatch.setattr(kept_local, "MAX_VOTED_PARTNERS", 1)
    monkeypatch.setattr(looks, "NEW_PART", 3)
    rng = random.Random(seed)
    for _round in range(5):
        with Collection(album) as collection:
            for _deed in range(rng.randrange(1, 4)):
                change_something(album, rng)
            collection.update()
            floor = rng.choice([70, 70, 60, 90])
            fresh = similar_pairs(
                fingerprint_images(scan_images(album), "aligned"), min_similarity=floor
            )
            for _ in range(2):
                pairs = collection.pairs("aligned", min_similarity=floor)
                pd.testing.assert_frame_equal(pairs, fresh, check_exact=True)
                assert pairs.attrs == fresh.attrs
                collection._pairs = None


def test_only_pairs_that_nobody_looked_at_are_looked_at(album, monkeypatch):
    looked, score = [], looks.score_pairs
    monkeypatch.setattr(
        looks, "score_pairs", lambda pairs, *more: looked.append(len(pairs)) or score(pairs, *more)
    )
    with Collection(album) as collection:
        collection.pairs("aligned")
        assert sum(looked) > 5
        looked.clear()
        collection.pairs("aligned", min_similarity=50)  # a lower floor needs no further look
        assert sum(looked) == 0
        textured(1).rotate(15).save(album / "new.png")
        collection.update()
        collection.pairs("aligned")
        assert 1 <= sum(looked) <= 4
        looked.clear()
        (album / "new.png").unlink()
        collection.update()
        collection.pairs("aligned")
        assert sum(looked) == 0


def test_pixels_of_pairs_that_were_compared_are_not_decoded_again(album, monkeypatch):
    Image.new("RGB", (90, 90), "white").save(album / "white.png")
    Image.new("RGB", (90, 90), (255, 255, 254)).save(album / "ivory.png")  # as grey the same
    textured(0).save(album / "cat.bmp")
    with Collection(album) as collection:
        relations._pixel_digest.cache_clear()
        first = collection.pairs("aligned")
        assert "same pixels" in set(first.relation)
        assert relations._pixel_digest.cache_info().misses >= 4
        textured(9).save(album / "new.png")
        collection.update()
        relations._pixel_digest.cache_clear()
        pd.testing.assert_frame_equal(
            collection.pairs("aligned").drop(columns=["left", "right"]),
            first.drop(columns=["left", "right"]),
        )
        assert relations._pixel_digest.cache_info().misses == 0


def test_votes_that_were_counted_before_an_interruption_are_not_counted_again(album, monkeypatch):
    expected = similar_pairs(fingerprint_images(scan_images(album), "aligned"))
    monkeypatch.setattr(looks, "NEW_PART", 3)  # of eight images
    count, calls = looks.count_votes, []

    def count_two_parts(images, *arguments, **options):
        calls.append(len(images))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return count(images, *arguments, **options)

    with Collection(album) as collection:
        with monkeypatch.context() as stopped:
            stopped.setattr(looks, "count_votes", count_two_parts)
            with pytest.raises(KeyboardInterrupt) as stop:
                collection.pairs("aligned")
        assert str(stop.value) == (
            "Stopped by hand. What was kept so far stays; the same call goes on from there."
        )
        assert calls == [3, 6, 8]
        assert collection._index.store.read("SELECT count(*) FROM vote_parts") == [(2,)]
    counted = tell(monkeypatch, looks, "count_votes")
    with Collection(album) as collection:
        pd.testing.assert_frame_equal(collection.pairs("aligned"), expected, check_exact=True)
    assert counted == [8]


VICTIM = """
import sys, warnings
warnings.simplefilter("ignore")
from imgdup_nb import Collection
from imgdup_nb.collection import pairs as kept_local
from imgdup_nb.aligned import matching
matching.KEEP_BATCH = 2
keep = kept_local._keep_looks
def keep_and_say(kept, some):
    keep(kept, some)
    print("looked", len(some), flush=True)
kept_local._keep_looks = keep_and_say
with Collection(sys.argv[1]) as photos:
    photos.pairs("aligned")
print("done", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_killed_while_it_looks_at_pairs_what_was_seen_stays(album, monkeypatch):
    environment = {**os.environ, "PYTHONPATH": str(Path(imgdup_nb.__file__).parents[1])}
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(album)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert victim.stdout.readline() == "looked 2\n"
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    looked, score = [], looks.score_pairs
    monkeypatch.setattr(
        looks, "score_pairs", lambda pairs, *more: looked.append(len(pairs)) or score(pairs, *more)
    )
    expected = similar_pairs(fingerprint_images(scan_images(album), "aligned"))
    from_scratch, looked[:] = sum(looked), []
    counted = tell(monkeypatch, looks, "count_votes")
    with Collection(album) as collection:
        collection._index.store.check()
        assert collection._index.store.read("SELECT count(*) FROM vote_parts") == [(1,)]
        pd.testing.assert_frame_equal(collection.pairs("aligned"), expected, check_exact=True)
    assert sum(looked) <= from_scratch - 2
    assert len(counted) == 1


def test_an_index_of_the_first_version_is_upgraded(album):
    with Collection(album) as collection:
        collection.pairs("aligned")
        hashed = collection.pairs()
        collection.label("cat.png", "crop.png", "same")
        with collection._index.store.transaction() as run:  # as the first version left it
            run(
                "UPDATE pair_parts SET pairs = ? WHERE recipe = (SELECT id FROM recipes WHERE "
                "method = 'aligned')",
                (b"x" * 67,),
            )
            run("DROP TABLE vote_parts")
            run("DROP TABLE look_parts")
            for column in ("kind", "remarks"):
                run(f"ALTER TABLE images DROP COLUMN {column}")
            run("PRAGMA user_version = 1")
    with Collection(album) as collection:
        fresh = similar_pairs(fingerprint_images(scan_images(album), "aligned"))
        pd.testing.assert_frame_equal(collection.pairs("aligned"), fresh, check_exact=True)
        pd.testing.assert_frame_equal(collection.pairs(), hashed)
        assert list(collection.labels.label) == ["same"]


def test_another_phash_may_find_other_pairs_of_local_features(album, monkeypatch):
    with Collection(album) as collection:
        expected = collection.pairs("aligned")
    for module in (hashing, reading):
        monkeypatch.setattr(module, "made_with", lambda: "imagehash 99, recipe 1")
    with pytest.warns(UserWarning, match="this is imagehash 99"):
        collection = Collection(album)
    with collection:
        assert collection._index.store.read("SELECT count(*) FROM pair_parts") == [(0,)]
        looked = tell(monkeypatch, looks, "score_pairs")
        pd.testing.assert_frame_equal(collection.pairs("aligned"), expected)
        assert sum(looked) == 0


def test_a_picture_is_found_by_local_features_what_a_hash_cannot_see(album, tmp_path):
    textured(0).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "mirrored.png")
    with Collection(album) as collection:
        assert collection.find_similar(tmp_path / "mirrored.png", threshold=70).empty
        found = collection.find_similar(tmp_path / "mirrored.png", threshold=70, method="aligned")
        assert set(found.image) == {"cat.png", "cat.webp", "crop.png", "turned.jpg"}
        pairs = collection.pairs("aligned")
        beside = pairs[(pairs.left == "cat.png") | (pairs.right == "cat.png")]
        own = collection.find_similar("cat.png", threshold=70, method="aligned")
        assert dict(zip(own.image, own.similarity, strict=True)) == {
            (row.right if row.left == "cat.png" else row.left): row.similarity
            for row in beside.itertuples()
        }
        moon = collection.find_similar("moon.png", method="aligned")  # too little texture: by phash
        assert list(moon.image) == ["moon small.png"]
        collection.tag("cats", "crop.png")
        assert "turned.jpg" in set(
            collection.find_by_tags(["cats"], threshold=70, method="aligned").image
        )


def test_two_pictures_are_compared_by_local_features(album):
    with Collection(album) as collection:
        table = collection.compare(
            "cat.png", "crop.png", methods=["phash", "aligned", "akaze"]
        ).set_index("method")
        scores = compare_images(album / "cat.png", album / "crop.png").scores.similarity
        for method in ("phash", "aligned", "akaze"):
            assert table.similarity[method] == pytest.approx(scores[method])
        unrelated = collection.compare("dog.png", "tree.png", methods=["aligned"]).iloc[0]
        assert unrelated.similarity < 50
        flat = collection.compare("moon.png", "moon small.png", methods=["aligned"]).iloc[0]
        assert flat.similarity >= 90


def test_features_say_how_many_and_how_long(album):
    with Collection(album) as collection:
        kept_ones = collection.fingerprints("aligned")
        features = collection.features("cat.png", "aligned")
        code = kept_ones.codes[kept_ones.names.index("cat.png"), 0]
        assert (features.count, features.bits, features.data) == (len(code), 256, code.to_bytes())
        with pytest.raises(UnreadableImage):
            collection.features(b"no picture", "aligned")


def test_features_of_another_opencv_are_made_again(album, monkeypatch):
    with Collection(album) as collection:
        expected = collection.pairs("aligned")
    monkeypatch.setattr(fingerprints, "features_made_with", lambda: "opencv 99, recipe 1")
    with Collection(album) as collection:
        with pytest.warns(
            UserWarning,
            match=r"aligned fingerprints kept here were made with opencv.*this is opencv 99",
        ):
            pairs = collection.pairs("aligned")
        pd.testing.assert_frame_equal(pairs, expected)


def test_an_embedding_that_says_what_it_is_is_kept(album, monkeypatch):
    monkeypatch.setattr(mean_colors, "version", "1", raising=False)
    expected = similar_pairs(fingerprint_images(scan_images(album), mean_colors))
    with Collection(album) as collection:
        pairs = collection.pairs(mean_colors)
        pd.testing.assert_frame_equal(pairs, expected)
        assert pairs.attrs == expected.attrs
        assert list(collection.groups(90, method=mean_colors)) == list(
            group_duplicates(expected, 90)
        )
    fingerprinted = tell(monkeypatch, recipes, "fingerprint_images")
    with Collection(album) as collection:
        pd.testing.assert_frame_equal(collection.pairs(mean_colors), expected)
        assert fingerprinted == []
        own = collection.find_similar("moon.png", method=mean_colors)
        assert "moon small.png" in set(own.image)
        assert (
            collection.compare("moon.png", "cat.png", methods=[mean_colors]).method[0]
            == "mean_colors"
        )
        mean_colors.version = "2"
        with pytest.warns(
            UserWarning, match="mean_colors fingerprints kept here were made with 1, and this is 2"
        ):
            collection.fingerprints(mean_colors)
        textured(9).save(album / "new.png")
        collection.update()
        now = similar_pairs(fingerprint_images(scan_images(album), mean_colors))
        pd.testing.assert_frame_equal(collection.pairs(mean_colors), now)


@pytest.mark.parametrize("name", ["<lambda>", "", "phash", "two\nlines"])
def test_an_embedding_that_does_not_say_what_it_is_is_refused(album, name):
    def embed(pictures):
        return mean_colors(pictures)

    with Collection(album) as collection:
        with pytest.raises(ValueError, match=r"a version that changes.*embed\.version = '1'"):
            collection.fingerprints(embed)
        embed.name, embed.version = name, "1"
        with pytest.raises(ValueError, match="a name that no other method has"):
            collection.fingerprints(embed)
