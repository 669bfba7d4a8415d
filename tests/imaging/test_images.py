"""Whatever a picture file holds comes out as levels, or one error names the file."""

import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosig.errors import RecordError
from biosig.imaging import images
from biosig.imaging.images import read_picture, squared, stretched

Image = pytest.importorskip("PIL.Image", reason="needs the extra imaging")

RAMP = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5


def saved(tmp_path: Path, image, name: str = "a.png", **options) -> Path:
    image.save(tmp_path / name, **options)
    return tmp_path / name


def test_grey_is_read_as_it_is(tmp_path):
    for name in ("a.png", "a.bmp", "a.tif", "A.PNG"):
        assert (read_picture(saved(tmp_path, Image.fromarray(RAMP), name), 1)[0] == RAMP).all()


def test_grey_of_16_bits_is_stretched_over_all_levels(tmp_path):
    wide = RAMP.astype(np.uint16) * 16 + 700
    levels = read_picture(saved(tmp_path, Image.fromarray(wide)), 1)[0]
    assert (levels.min(), levels.max()) == (0, 255)
    np.testing.assert_allclose(levels, (wide - 700) / (wide.max() - 700) * 255, atol=0.5)
    assert not read_picture(saved(tmp_path, Image.fromarray(np.full((4, 4), 900, np.uint16))), 1).any()


def test_colours_become_grey_by_their_luma_and_grey_becomes_colours(tmp_path):
    pixels = np.zeros((4, 4, 3), dtype=np.uint8)
    pixels[..., 1] = 200
    path = saved(tmp_path, Image.fromarray(pixels))
    assert (read_picture(path, 1) == round(0.587 * 200)).all()
    assert (read_picture(path, 3) == np.array([0, 200, 0])[:, None, None]).all()
    assert (read_picture(saved(tmp_path, Image.fromarray(RAMP)), 3) == RAMP).all()


def test_palettes_cmyk_bits_and_transparency_are_what_a_viewer_shows(tmp_path):
    colours = np.zeros((4, 4, 3), dtype=np.uint8)
    colours[:2] = (250, 0, 0)
    palette = Image.fromarray(colours).quantize(2)
    assert (read_picture(saved(tmp_path, palette), 3)[0, :2] >= 248).all()
    cmyk = Image.fromarray(colours).convert("CMYK")
    near = read_picture(saved(tmp_path, cmyk, "a.tif"), 3)
    assert (np.abs(near.astype(int) - colours.transpose(2, 0, 1)) < 3).all()
    assert set(read_picture(saved(tmp_path, Image.fromarray(RAMP > 100)), 1).ravel()) == {0, 255}
    see_through = np.dstack([colours + 90, np.where(np.arange(4) < 2, 255, 0)[None].repeat(4, 0)]).astype(np.uint8)
    levels = read_picture(saved(tmp_path, Image.fromarray(see_through)), 3)
    assert not levels[:, :, 2:].any()
    assert levels[:, :, :2].any()
    half = Image.fromarray(np.full((4, 4), 200, np.uint8)).convert("LA")
    half.putalpha(0)
    assert not read_picture(saved(tmp_path, half), 1).any()


def test_a_rotation_mark_is_obeyed(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter clockwise
    path = saved(tmp_path, Image.fromarray(RAMP), "a.png", exif=exif)
    assert (read_picture(path, 1)[0] == np.rot90(RAMP, -1)).all()


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.bmp"])
@pytest.mark.parametrize("kept", [0, 10, 60, 0.5, 0.9])
def test_a_file_that_was_cut_short_is_named(tmp_path, name, kept):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    path = saved(tmp_path, Image.fromarray(noise), name)
    content = path.read_bytes()
    path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(RecordError) as caught:
        read_picture(path, 1)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@settings(max_examples=40)
@given(place=st.integers(8, 400), value=st.integers(0, 255), name=st.sampled_from(["a.png", "a.jpg", "a.tif"]))
def test_a_damaged_file_is_read_or_refused_and_never_crashes(tmp_path_factory, place, value, name):
    folder = tmp_path_factory.mktemp("damaged")
    noise = np.random.default_rng(0).integers(0, 256, (20, 20), dtype=np.uint8)
    path = saved(folder, Image.fromarray(noise), name)
    content = bytearray(path.read_bytes())
    content[place % len(content)] = value
    path.write_bytes(bytes(content))
    with suppress(RecordError):
        assert read_picture(path, 1).ndim == 3


def test_what_is_no_picture_or_not_there_is_named(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(RecordError, match=r"text\.png: not a picture \(expected PNG"):
        read_picture(tmp_path / "text.png", 1)
    with pytest.raises(RecordError, match=r"none\.png: no such file"):
        read_picture(tmp_path / "none.png", 1)


def test_a_decompression_bomb_is_refused_before_it_unpacks(tmp_path):
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    for side in (12_000, 60_000):
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
        bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
        (tmp_path / "bomb.png").write_bytes(bomb)
        with pytest.raises(RecordError, match=r"bomb\.png: .*pixels.*make it smaller first"):
            read_picture(tmp_path / "bomb.png", 1)


def test_several_pictures_in_one_file_are_refused(tmp_path):
    pages = [Image.fromarray(RAMP), Image.fromarray(255 - RAMP)]
    path = saved(tmp_path, pages[0], "a.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(RecordError, match="expected one picture, found 2"):
        read_picture(path, 1)


def test_pictures_become_square_by_cropping_padding_or_stretching():
    wide = np.stack([np.tile(np.arange(8, dtype=np.uint8), (4, 1))])
    assert (squared(wide, 4, "crop")[0, 0] == [2, 3, 4, 5]).all()
    padded = squared(wide, 8, "pad")[0]
    assert not padded[:2].any()
    assert not padded[6:].any()
    assert (padded[2] == wide[0, 0]).all()
    assert squared(np.repeat(wide, 3, 0), 5, "stretch").shape == (3, 5, 5)


def test_shrinking_averages_and_does_not_pick():
    stripes = np.zeros((1, 64, 64), dtype=np.uint8)
    stripes[:, :, ::2] = 200
    assert (np.abs(squared(stripes, 8, "crop").astype(int) - 100) <= 5).all()


def test_infinite_values_do_not_swallow_the_rest():
    levels = stretched(np.array([[0.0, 5.0, 10.0, np.inf, np.nan]]))
    assert levels.tolist() == [[0, 128, 255, 0, 0]]


def test_the_limit_leaves_room_for_real_pictures():
    assert images.LARGEST > 6000 * 5000
