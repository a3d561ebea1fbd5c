"""The loops over pixels and transforms give what numpy and plain loops give."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgdup_nb.aligned.bands import LARGE_CELL, SMALL_CELL
from imgdup_nb.aligned.geometry import apply, frame_transform, invert, outline
from imgdup_nb.aligned.registration import VIEWS
from imgdup_nb.aligned.transform_loops import clip_to_picture, fit_affine
from imgdup_nb.aligned.warp_loops import (
    blur,
    blur_inside,
    quickselect,
    solve,
    sum_cells,
    sum_cells_again,
    warp,
)


def test_matches_give_their_transform_though_most_are_wrong():
    random = np.random.default_rng(1)
    source = random.uniform(0, 300, (60, 2)).astype(np.float32)
    transform = np.array([[0.8, -0.5, 70], [0.4, 0.9, -20]])
    target = apply(transform, source).astype(np.float32)
    target[:40] = random.uniform(0, 300, (40, 2))
    found, matches = fit_affine(source, target, False, 4.0, 6.0, 2.5, 8)
    assert found == pytest.approx(transform, abs=1e-3)
    assert 20 <= matches <= 23
    assert fit_affine(source, target, True, 4.0, 6.0, 2.5, 8)[1] == 0  # not turned over
    assert fit_affine(source[:2], target[:2], False, 4.0, 6.0, 2.5, 2)[1] == 0


@settings(deadline=None)  # the loops compile at the first call
@given(st.integers(1, 6), st.integers(1, 3), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_equations_are_solved_as_numpy_solves_them(n, columns, seed, zeros):
    random = np.random.default_rng(seed)
    matrix, right = random.normal(size=(n, n)), random.normal(size=(n, columns))
    matrix[random.random((n, n)) < zeros] = (
        0  # so that rows must be swapped, and some have no solution
    )
    solution = right.copy()
    determinant = solve(matrix.copy(), solution)
    assert determinant == pytest.approx(np.linalg.det(matrix), abs=1e-12)
    if np.linalg.matrix_rank(matrix) < n:
        assert abs(determinant) < 1e-12
    elif np.linalg.cond(matrix) < 1e6:
        np.testing.assert_allclose(solution, np.linalg.solve(matrix, right), rtol=1e-8, atol=1e-8)


def test_equations_without_a_solution_have_the_determinant_0():
    assert solve(np.array([[1.0, 2.0], [2.0, 4.0]]), np.ones((2, 1))) == 0


@settings(deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=1), st.data())
def test_quickselect_returns_the_value_at_a_place_of_the_sorted_list(values, data):
    place = data.draw(st.integers(0, len(values) - 1))
    spare = np.array([*values, np.nan])  # what follows the first n is not looked at
    assert quickselect(spare, len(values), place) == sorted(values)[place]


def test_the_common_area_is_cut_at_the_borders():
    corners = np.array([(-5.0, -5), (5, -5), (5, 5), (-5, 5)])
    assert sorted(map(tuple, clip_to_picture(corners, 10, 3))) == [(0, 0), (0, 3), (5, 0), (5, 3)]
    assert len(clip_to_picture(corners - 20, 10, 3)) == 0


def test_a_warped_picture_is_interpolated_and_marks_what_it_covers():
    ramp = np.tile(np.arange(0, 200, 10, dtype=np.uint8), (6, 1))
    warped, covered = warp(ramp, np.array([[1.0, 0, 0.5], [0, 1, 0]]), 6, 22)
    assert warped[2, :19] == pytest.approx(np.arange(5, 195, 10))
    assert covered[2].tolist() == [1] * 20 + [0] * 2


def read_between(picture, u, v):
    """Return what a picture shows between pixels, which goes on as it ends."""
    u, v = min(max(u, 0), picture.shape[1] - 1), min(max(v, 0), picture.shape[0] - 1)
    left, top = int(u), int(v)
    right, below = min(left + 1, picture.shape[1] - 1), min(top + 1, picture.shape[0] - 1)
    upper, lower = (
        picture[y, left] * (1 - u + left) + picture[y, right] * (u - left) for y in (top, below)
    )
    return upper * (1 - v + top) + lower * (v - top)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2), (9, 13)])
def test_a_warped_picture_is_what_a_plain_loop_reads_however_thin_and_rotated(shape):
    random = np.random.default_rng(3)
    picture = random.integers(0, 256, shape, dtype=np.uint8)
    for _ in range(20):
        back = np.column_stack([np.eye(2) + random.normal(0, 0.5, (2, 2)), random.normal(0, 3, 2)])
        warped, covered = warp(picture, back, 8, 11)
        for y, x in np.ndindex(8, 11):
            u, v = back @ (x, y, 1)
            is_there = -0.5 <= u <= shape[1] - 0.5 and -0.5 <= v <= shape[0] - 0.5
            assert covered[y, x] == is_there
            assert warped[y, x] == pytest.approx(
                read_between(picture.astype(float), u, v) if is_there else 0, abs=1e-3
            )
        assert np.array_equal(warp.py_func(picture, back, 8, 11)[0], warped)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3), (12, 17)])
def test_a_plane_is_blurred_as_by_two_convolutions_of_what_goes_on_as_it_ends(shape):
    plane = np.random.default_rng(4).random(shape).astype(np.float32)
    kernel, expected = np.array([0.0545, 0.2442, 0.4026, 0.2442, 0.0545]), plane
    for axis in (0, 1):
        wide = np.pad(
            expected, [(2, 2) if each == axis else (0, 0) for each in (0, 1)], mode="edge"
        )
        expected = np.apply_along_axis(np.convolve, axis, wide, kernel, "valid")
    assert blur(plane) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("shape", [(40, 5), (5, 40), (5, 5), (40, 8), (8, 8)])
def test_pictures_thinner_than_a_cell_have_no_sums_and_nothing_is_written_beyond_them(shape):
    flat = np.ones(shape, np.float32)
    sums = sum_cells.py_func(
        flat, flat, flat, 8
    )  # not compiled, so that a place beyond the end is an error
    assert sums.shape == (shape[0] // 8, shape[1] // 8, 15)
    assert np.array_equal(sums, sum_cells(flat, flat, flat, 8))


@pytest.mark.parametrize("cell", [LARGE_CELL, SMALL_CELL])
@pytest.mark.parametrize("shape", [(45, 70), (16, 16), (9, 5), (3, 40)])
def test_sums_of_a_picture_that_covers_all_are_the_same_with_those_of_the_target_kept(cell, shape):
    random = np.random.default_rng(7)
    one, other = (random.integers(0, 256, shape).astype(np.float32) for _ in range(2))
    everywhere = np.ones_like(one)
    kept = sum_cells(other, everywhere, other, cell)
    expected = sum_cells(one, everywhere, other, cell)
    again = sum_cells_again(one, other, kept, cell)
    assert np.allclose(again, expected, rtol=1e-5, atol=1)
    assert np.allclose(sum_cells_again.py_func(one, other, kept, cell), again, rtol=1e-5, atol=1)
    rows, columns = (side // cell for side in shape)
    a, b = (
        (each[: rows * cell, : columns * cell].astype(np.float64) - 128).reshape(
            rows, cell, columns, cell
        )
        for each in (one, other)
    )
    by_numpy = [np.ones_like(a), a, b, a * a, b * b, a * b]
    for kind, each in enumerate(by_numpy):
        assert np.allclose(again[..., kind], each.sum(axis=(1, 3)), rtol=1e-5, atol=1)


def test_a_blur_takes_nothing_from_outside_of_the_covered_area():
    picture = np.full((8, 9), 100, np.float32)
    covered = np.ones_like(picture)
    picture[:, 6:], covered[:, 6:] = 0, 0
    assert blur_inside(picture, covered, blur(covered))[:, :6] == pytest.approx(100, abs=1e-3)


def test_a_frame_transform_turns_as_numpy_turns_pictures():
    small = np.arange(256)
    for view, places in enumerate(VIEWS):
        transform = frame_transform(view, (320, 240), (200, 300))
        x, y = apply(transform, outline((320, 240))).T
        assert (x.min(), x.max(), y.min(), y.max()) == pytest.approx((0, 200, 0, 300))
        row, column = divmod(
            int(np.flatnonzero(small[places] == 3)[0]), 16
        )  # where the pixel (3, 0) of 16 x 16 has gone
        [middle] = apply(transform, [(3.5 / 16 * 320, 0.5 / 16 * 240)])
        assert tuple(middle) == pytest.approx(((column + 0.5) / 16 * 200, (row + 0.5) / 16 * 300))


def test_going_back_undoes_a_transform():
    transform = np.array([[0.9, -0.3, 12], [0.2, 1.1, -7]])
    points = np.random.default_rng(0).random((5, 2)) * 100
    assert apply(invert(transform), apply(transform, points)) == pytest.approx(points)
