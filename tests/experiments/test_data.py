# SPDX-License-Identifier: Apache-2.0
"""The files that the tasks read: checked, from the cache or fetched, and nothing of them is run."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from csb_rnn.experiments.tasks import DataError, data, lzw


def archive_of(content: bytes, file: str, package: str = "some-pack") -> data.Archive:
    return data.Archive(package, "1.2", file, hashlib.sha256(content).hexdigest())


def tar_of(name: str, text: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))
    return packed.getvalue()


def test_member_reads_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CSB_DATA", str(tmp_path))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("pack/inner.tar.gz", tar_of("in/text.txt", b"hello"))
    wheel = tmp_path / "some_pack-1.2-py3-none-any.whl"
    wheel.write_bytes(packed.getvalue())
    monkeypatch.setitem(data.ARCHIVES, "some-pack", archive_of(packed.getvalue(), wheel.name))
    assert data.member("some-pack", "inner.tar.gz", "text.txt") == b"hello"
    with pytest.raises(DataError, match=r"holds no other\.txt"):
        data.member("some-pack", "other.txt")
    with pytest.raises(DataError, match=r"holds no ext\.txt"):
        data.member("some-pack", "inner.tar.gz", "ext.txt")
    # Read again from the cache, a bit of it changed.
    wheel.write_bytes(packed.getvalue()[:-1] + b"\1")
    with pytest.raises(DataError, match=f"{wheel.name}: its SHA-256 is not that of"):
        data.member("some-pack", "inner.tar.gz", "text.txt")
    (tmp_path / "bad_pack-1.0.tar.gz").write_bytes(b"no archive")
    bad = archive_of(b"no archive", "bad_pack-1.0.tar.gz")
    monkeypatch.setitem(data.ARCHIVES, "bad-pack", bad)
    with pytest.raises(DataError, match="damaged"):
        data.member("bad-pack", "x")


def test_only_the_exact_file_is_taken_from_the_cache(tmp_path, monkeypatch):
    """A file of a similar name (1.2 and 1.20) is not the archive."""
    monkeypatch.setenv("CSB_DATA", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    (tmp_path / "some_pack-1.20-py3-none-any.whl").write_bytes(b"another")
    wheel = archive_of(b"another", "some_pack-1.2-py3-none-any.whl")
    monkeypatch.setitem(data.ARCHIVES, "some-pack", wheel)
    with pytest.raises(DataError, match=r"cannot fetch some-pack 1\.2: ERROR"):
        data.member("some-pack", "x")


def source_package(folder: Path, ran: Path) -> bytes:
    """A source distribution whose set-up code leaves a file when it runs."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in (
            ("setup.py", f"open({str(ran)!r}, 'w')\nimport setuptools\nsetuptools.setup()"),
            ("PKG-INFO", "Metadata-Version: 1.0\nName: some-pack\nVersion: 1.2\n"),
            ("text.txt", "hello"),
        ):
            info = tarfile.TarInfo(f"some-pack-1.2/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    (folder / "some-pack-1.2.tar.gz").write_bytes(packed.getvalue())
    return packed.getvalue()


def test_no_set_up_code_runs(tmp_path, monkeypatch):
    """A source distribution is downloaded without its set-up code; a changed one not at all."""
    ran, shelf = tmp_path / "ran", tmp_path / "shelf"
    shelf.mkdir()
    packed = source_package(shelf, ran)
    monkeypatch.setenv("CSB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    expected = archive_of(packed, "some-pack-1.2.tar.gz")
    monkeypatch.setitem(data.ARCHIVES, "some-pack", expected)
    assert data.member("some-pack", "text.txt") == b"hello"
    assert not ran.exists()
    (tmp_path / "data" / expected.file).unlink()
    other = expected._replace(sha256="0" * 64)
    monkeypatch.setitem(data.ARCHIVES, "some-pack", other)
    with pytest.raises(DataError, match=r"cannot fetch some-pack 1\.2: "):
        data.member("some-pack", "text.txt")
    assert not list((tmp_path / "data").iterdir())
    assert not ran.exists()


def test_uncompress_is_the_inverse_of_compress():
    """Texts that fill a table of codes, and change the width of a code, several times."""
    rng = np.random.default_rng(1)
    for size, letters in ((0, 1), (1, 1), (500, 1), (5000, 2), (60_000, 256)):
        text = bytes(rng.integers(0, letters, size).astype(np.uint8))
        assert lzw.uncompress(compress(text)) == text
    for bad in (b"", b"\x1f\x9d\x10", compress(b"ab") + b"\xff\xff"):
        with pytest.raises(ValueError, match=r"not a file of compress|code \d+ of"):
            lzw.uncompress(bad)


def compress(text: bytes, largest: int = 12) -> bytes:
    """The plain encoder of the format, with codes of up to ``largest`` bits."""
    bits: list[int] = []
    table: dict[bytes, int] = {bytes([i]): i for i in range(256)}
    width, free, group = 9, 257, 0

    def put(code: int) -> None:
        nonlocal group
        bits.extend(code >> i & 1 for i in range(width))
        group += width

    def pad() -> None:
        nonlocal group
        bits.extend([0] * (-group % (8 * width)))
        group = 0

    word = b""
    for i, letter in enumerate(text):
        longer = word + bytes([letter])
        if longer in table:
            word = longer
            continue
        put(table[word])
        if i % 30_000 == 29_999:  # as compress does when a text changes its kind
            put(256)
            pad()
            table, width, free = {bytes([i]): i for i in range(256)}, 9, 257
        elif free < 1 << largest:
            table[longer] = free
            free += 1
            if free > 1 << width and width < largest:
                pad()
                width += 1
        word = bytes([letter])
    if word:
        put(table[word])
    return (
        b"\x1f\x9d"
        + bytes([0x80 | largest])
        + np.packbits(np.array(bits, bool), bitorder="little").tobytes()
    )
