"""No file takes more than its share of memory and time: what would is a row with a problem."""

import struct
import subprocess
import sys
import threading
import time
import zlib

import pytest
from PIL import Image

from imgdup_nb import scan_images
from imgdup_nb.engine.decode import UnreadableImage, open_image, open_lazily
from imgdup_nb.engine.frames import count_frames
from imgdup_nb.engine.limits import _Budget, picture_bytes

pytestmark = pytest.mark.filterwarnings("ignore:.*could not be read")


def png(width, height, depth, kind, extra=b""):
    """Return a black PNG; kind 0 grey, 2 colours, 3 palette, 6 with alpha."""
    channels = {0: 1, 2: 3, 3: 1, 6: 4}[kind]
    row = bytes(1 + (width * depth * channels + 7) // 8)
    packer = zlib.compressobj(9)
    rows = max(1, 2**20 // len(row))
    packed = b"".join(
        packer.compress(row * min(rows, height - top)) for top in range(0, height, rows)
    )

    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", packed + packer.flush())
        + chunk(b"IEND", b"")
    )


def palette():
    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    return chunk(b"PLTE", bytes(range(256)) * 3) + chunk(b"tRNS", bytes([0, 128, 255]))


def progressive(side, n_scans):
    """Return a progressive JPEG of empty blocks: few bytes, and much work for each scan."""

    def segment(marker, data):
        return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data

    blocks = ((side + 7) // 8) ** 2
    runs = "0" + "1" * 14  # 32767 blocks without a value
    bits = runs * -(-blocks // 32767)
    bits += "1" * (-len(bits) % 8)
    scan = segment(0xDA, bytes([1, 1, 0, 1, 63, 0]))
    scan += int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    return b"".join(
        [
            b"\xff\xd8",
            segment(0xDB, b"\0" + b"\1" * 64),
            segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0"),
            segment(0xC4, b"\0" + bytes([1] + [0] * 15) + b"\0"),
            segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\xe0"),
            segment(0xDA, bytes([1, 1, 0, 0, 0, 0])) + bytes(blocks // 8 + 1),
            *[scan] * n_scans,
            b"\xff\xd9",
        ]
    )


def tiff(n_pages):
    """Return a TIFF of so many pages of one pixel, all the same."""
    entries = [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 0), (278, 1), (279, 1)]
    size = 2 + 12 * len(entries) + 4
    made = bytearray(b"II*\0" + struct.pack("<L", 8))
    for page in range(n_pages):
        made += struct.pack("<H", len(entries))
        for tag, value in entries:
            made += struct.pack("<HHLL", tag, 4, 1, value or 8 + size * n_pages)
        made += struct.pack("<L", 8 + size * (page + 1) if page < n_pages - 1 else 0)
    return bytes(made) + b"\x80"


MEASURED = """
import resource, sys, time, warnings
warnings.simplefilter("ignore")
from PIL import Image
from imgdup_nb.engine.reading import describe_file
path = sys.argv[1]
Image.new("L", (9, 9)).save(path + ".bmp")
describe_file("warm", path + ".bmp")
begun = time.process_time()
row, _ = describe_file("bomb", path)
seconds = time.process_time() - begun
try:  # not ru_maxrss, which begins with the memory of the process that started this one
    status = open("/proc/self/status").read()
    peak = 1024 * int(status.split("VmHWM:")[1].split()[0])
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak, seconds)
print(row["problem"])
"""
BOMBS = {
    "progressive": (lambda: progressive(65500, 1), "too large"),
    "scans": (lambda: progressive(8000, 2000), "too slow"),
    "16 bits": (lambda: png(15_000, 15_000, 16, 0), ""),
    "a strip": (lambda: png(1, 200_000_000, 1, 0), "too large"),
    "transparent palette": (lambda: png(15_000, 15_000, 8, 3, palette()), ""),
    "alpha": (lambda: png(15_000, 15_000, 8, 6), "too large"),
    "pages": (lambda: tiff(80_000), ""),
    "Python": (
        lambda: b"qoif" + struct.pack(">IIBB", 12_000, 12_000, 3, 0) + b"\xfd" * 2_400_000,
        "too slow",
    ),
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell the peak of memory")
@pytest.mark.parametrize("bomb", BOMBS)
def test_no_file_takes_more_than_a_gigabyte_or_ten_seconds(tmp_path, bomb):
    make, problem = BOMBS[bomb]
    (tmp_path / "bomb").write_bytes(make())
    command = [sys.executable, "-c", MEASURED, str(tmp_path / "bomb")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    numbers, said = done.stdout.split("\n")[:2]
    peak, seconds = map(float, numbers.split())
    assert peak < 1e9
    assert seconds < 10
    assert said.startswith(problem)
    assert bool(said) == bool(problem)


def test_a_progressive_jpeg_that_a_camera_might_make_is_read(tmp_path, picture):
    picture(1, 3000, 2000).save(tmp_path / "a.jpg", progressive=True)
    (tmp_path / "b.jpg").write_bytes(progressive(1000, 100))
    assert scan_images(tmp_path).problem.tolist() == ["", ""]


def test_who_allows_more_pixels_allows_more_memory(tmp_path):
    (tmp_path / "a.png").write_bytes(png(9000, 9000, 8, 6))
    with pytest.raises(UnreadableImage, match=r"GB of memory .* max_pixels="):
        open_image(tmp_path / "a.png", max_pixels=81_000_000)
    assert open_image(tmp_path / "a.png", max_pixels=400_000_000, min_side=100).size == (100, 100)


@pytest.mark.parametrize(
    ("name", "n_frames"), [("a.gif", 3), ("a.gif", 1), ("a.tif", 3), ("a.tif", 1), ("a.png", 3)]
)
def test_frames_are_counted_as_pillow_counts_them(tmp_path, picture, name, n_frames):
    others = [picture(seed) for seed in range(1, n_frames)]
    picture(0).save(tmp_path / name, save_all=True, append_images=others)
    with open_lazily(tmp_path / name) as image:
        assert count_frames(image) == image.n_frames == n_frames


@pytest.mark.parametrize("name", ["a.gif", "a.tif"])
def test_a_file_cut_short_has_the_frames_before_the_cut(tmp_path, picture, name):
    others = [picture(seed) for seed in range(1, 5)]
    picture(0).save(tmp_path / name, save_all=True, append_images=others)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) * 3 // 4])
    with open_lazily(tmp_path / name) as image:
        assert 1 <= count_frames(image) <= 5


def test_a_chain_of_pages_that_bites_its_tail_ends(tmp_path):
    made = bytearray(tiff(3))
    made[-5:-1] = struct.pack("<L", 8)  # after the last page comes the first
    (tmp_path / "a.tif").write_bytes(made)
    with open_lazily(tmp_path / "a.tif") as image:
        assert count_frames(image) == 3


def test_pillows_memory_is_known_before_it_is_taken():
    for mode in ("L", "RGB", "I;16", "F"):
        before = picture_bytes(mode, 100, 50)
        assert before >= 50 * 100 * {"L": 1, "RGB": 3, "I;16": 2, "F": 4}[mode]
        assert Image.new(mode, (100, 50)).size == (100, 50)


def test_threads_wait_until_their_bytes_are_free():
    shared, most, lock = _Budget(300_000_000), [0], threading.Lock()

    def work():
        with shared.reserved(120_000_000):
            with lock:
                most[0] = max(most[0], shared.in_use)
            time.sleep(0.01)

    workers = [threading.Thread(target=work) for _ in range(6)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert most[0] == 240_000_000
    assert shared.in_use == 0
    with shared.reserved(10**12):  # more than there is: all of it, alone
        assert shared.in_use == 300_000_000
