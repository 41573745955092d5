# SPDX-License-Identifier: Apache-2.0
"""Files that lie about their size, hold other kinds of tensors or names meant for a terminal."""

from __future__ import annotations

import io
import json
import resource
import struct
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from csb_rnn import commands, errors, flow
from csb_rnn.flow import files
from csb_rnn.machine import config, config_file
from csb_rnn.machine.config_ranges import ConfigError
from csb_rnn.network.checkpoint import CheckpointError
from csb_rnn.network.checkpoint_files import read_arrays, read_checkpoint
from csb_rnn.system import staging, untrusted
from csb_rnn.verify import model_run
from tests.helpers import build_image, command, make_checkpoint


def grew(call) -> int:
    """Bytes by which the most memory that this process ever held has grown during a call."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    call()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10


def gru(hidden: int = 4) -> dict[str, torch.Tensor]:
    return dict(torch.nn.GRU(3, hidden).state_dict())


def header(descr: str, shape: str) -> bytes:
    """The begin of a ``.npy`` file."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def bomb(path, size: int) -> None:
    """A ``.npz`` of one array of so many zeros, a thousandth of that on the disk."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("weight_ih_l0.npy", "w", force_zip64=True) as out,
    ):
        out.write(header("|u1", f"({size},)"))
        for _ in range(size >> 20):
            out.write(bytes(1 << 20))


def test_archive_that_unpacks_to_much(tmp_path):
    """Its directory is enough: not a byte of it is unpacked."""
    bomb(tmp_path / "a.npz", untrusted.LIMIT + (1 << 20))

    def read():
        with pytest.raises(CheckpointError, match="at most 536,870,912 are read"):
            read_checkpoint(tmp_path / "a.npz")

    assert (tmp_path / "a.npz").stat().st_size < 1 << 22
    assert grew(read) < 1 << 27


@pytest.mark.parametrize(
    ("descr", "shape", "words"),
    [
        ("<f4", "(1000000000000,)", "declares"),
        ("<f4", "(-1,)", "is none"),
        ("<f4", "(4294967296, 4294967296)", "declares"),
        ("|S0", "(1000000000,)", "declares"),
        ("|O", "(1,)", "expected numbers"),
        ("<f4", "(" * 3000 + "1" + ")" * 3000, ""),
    ],
    ids=range(6),
)
def test_header_that_lies(tmp_path, descr, shape, words):
    (tmp_path / "x.npy").write_bytes(header(descr, shape) + bytes(16))
    with pytest.raises(untrusted.FileError, match=words):
        untrusted.read_npy(tmp_path / "x.npy")


def test_numpy_files_come_back(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "a": rng.normal(size=(3, 4)),
        "f": np.asfortranarray(rng.normal(size=(3, 4)).astype(">f4")),
        "e": np.zeros((0, 4), np.int8),
        "s": np.array("text"),
        "n": np.array(3),
    }
    np.savez(tmp_path / "plain.npz", **arrays)
    np.savez_compressed(tmp_path / "packed.npz", **arrays)
    for name in ("plain", "packed"):
        found = untrusted.read_npz(tmp_path / f"{name}.npz")
        assert found.keys() == arrays.keys()
        for key, value in arrays.items():
            assert found[key].dtype == value.dtype
            np.testing.assert_array_equal(found[key], value)
            found[key].setflags(write=True)
    np.save(tmp_path / "f.npy", arrays["f"])
    np.testing.assert_array_equal(untrusted.read_npy(tmp_path / "f.npy"), arrays["f"])


ODD_TENSORS = {
    "csc": (torch.eye(12, 4).to_sparse_csc(), "a sparse_csc tensor"),
    "sparse, endless": (
        torch.sparse_coo_tensor([[0], [0]], [1.0], (10**6, 10**6)),
        "numbers, at most",
    ),
    "quantised": (torch.quantize_per_tensor(torch.ones(12, 4), 0.1, 0, torch.qint8), "a quantised"),
    "meta": (torch.empty(12, 4, device="meta"), "(meta)"),
    "complex": (torch.ones(12, 4, dtype=torch.complex64), "a complex"),
    "boolean": (torch.ones(12, 4, dtype=torch.bool), "expected floating point"),
    "endless": (torch.zeros(1).expand(10**6, 10**6), "numbers, at most"),
}


@pytest.mark.parametrize("kind", ODD_TENSORS)
def test_other_kinds_of_tensors(tmp_path, kind):
    value, words = ODD_TENSORS[kind]
    for name in ("weight_hh_l0", "extra"):
        torch.save({**gru(), name: value}, tmp_path / "a.pt")
        if (kind, name) == ("boolean", "extra"):
            continue
        with pytest.raises(CheckpointError) as caught:
            read_checkpoint(tmp_path / "a.pt")
        assert words in str(caught.value)


@pytest.mark.parametrize("kind", ["to_sparse", "to_sparse_csr"])
def test_sparse_tensors_are_taken_with_their_zeros(tmp_path, kind):
    dense = gru()
    dense["weight_hh_l0"] = torch.eye(12, 4)
    torch.save(dense, tmp_path / "a.pt")
    sparse = {**dense, "weight_hh_l0": getattr(dense["weight_hh_l0"], kind)()}
    torch.save(sparse, tmp_path / "b.pt")
    both = [read_checkpoint(tmp_path / f"{n}.pt").tensors for n in "ab"]
    assert all(np.array_equal(both[0][k], v) for k, v in both[1].items())


class Pickled:
    def __reduce__(self):
        return print, ("never",)


def test_objects_are_refused_without_advice(tmp_path):
    torch.save({**gru(), "x": Pickled()}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="save the state dict alone") as caught:
        read_checkpoint(tmp_path / "a.pt")
    assert "weights_only" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (10**5000, "a number of|damaged"),
        (5, "5: expected names as keys"),
        (("a", 1), "a tuple of 2"),
        ("k" * 10**6, "a name of 1000000 characters"),
        ("weight_ih_l" + "9" * 5000, "a name of 5011 characters"),
    ],
    ids=["digits", "number", "tuple", "long", "layer"],
)
def test_keys(tmp_path, key, words):
    torch.save({**gru(), key: torch.ones(3)}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match=words) as caught:
        read_checkpoint(tmp_path / "a.pt")
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "csb",
    [
        {"block": 10**5000},
        {"x": torch.ones(2)},
        {"x": {1, 2}},
        {"x": float("nan")},
        {"version": 10**30},
        {"cell": ["lstm"]},
        {"rate": True},
        {"align": [1, 10**30]},
        {"row_order": {"weight_ih_l0": [10**40]}},
    ],
    ids=range(9),
)
def test_metadata_that_is_no_json(tmp_path, csb):
    torch.save({**gru(), "csb": csb}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match=r"csb|damaged"):
        read_checkpoint(tmp_path / "a.pt")


def test_deep_metadata(tmp_path):
    """JSON nested 100,000 deep ends in one line."""
    np.savez(tmp_path / "a.npz", csb=np.array("[" * 100_000), weight_ih_l0=np.ones((3, 3)))
    with pytest.raises(CheckpointError, match="nested too deep"):
        read_checkpoint(tmp_path / "a.npz")


def test_safetensors_header(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", 1 << 40) + b"{}")
    with pytest.raises(CheckpointError, match="declares a header"):
        read_arrays(tmp_path / "a.safetensors")


def test_memory_of_the_block_is_bounded():
    with pytest.raises(MemoryError), untrusted.bounded_memory(1 << 28):
        np.ones(1 << 30)
    assert np.ones(1 << 20).sum() == 1 << 20


def test_messages_are_for_any_terminal(capsys):
    def main():
        raise errors.UsageError("a\x1b[31m\nb\u202e\ud800" + "x" * 5000)

    with pytest.raises(SystemExit) as end:
        commands.run(main)
    text = capsys.readouterr().err
    assert end.value.code == 2
    assert text.startswith("error: a\\x1b[31m b\\u202e\\ud800xxx")
    assert text.endswith(" ...\n")
    assert len(text) < 1100


@pytest.mark.parametrize(
    "text", ["[" * 10**5, "1" * 5000, "NaN", "1e999", "{", '"\x00"', "[1,]"], ids=range(7)
)
def test_json_that_is_none(text):
    with pytest.raises(untrusted.FileError, match="not JSON"):
        untrusted.parse_json(text)
    good = {"a": [1, 2.5, None, True, "\u00e4"]}
    assert untrusted.parse_json(json.dumps(good)) == good


# --- configurations -----------------------------------------------------------------------------


def table(change) -> str:
    """The text of a file of configurations with one change."""
    keys = config_file.read_table(config.CONFIG_FILE)["default"]
    text = {"default": dict(keys), "tiny": dict.fromkeys("KLPQ", 2)}
    change(text)
    out = io.StringIO()
    for name, values in text.items():
        out.write(f"[{name}]\n")
        for k, v in values.items():
            out.write(f"{k} = {json.dumps(v)}\n")
    return out.getvalue()


MISTAKES = {
    "unknown key": (lambda t: t["tiny"].update(wieght_depth=3), "[tiny] wieght_depth: unknown key"),
    "missing": (lambda t: t["default"].pop("deep"), "[tiny] deep: missing"),
    "type": (lambda t: t["tiny"].update(K="2"), "[tiny] K: expected a whole number, got '2'"),
    "true": (lambda t: t["tiny"].update(deep=True), "[tiny] deep: expected a whole number"),
    "base": (lambda t: t["tiny"].update(base="none"), "[tiny] base: no configuration 'none'"),
    "itself": (lambda t: t["tiny"].update(base="tiny"), "[tiny] base: no configuration 'tiny'"),
    "flag": (lambda t: t["tiny"].update(sim_only=1), "[tiny] sim_only: expected true or false"),
    "default": (lambda t: t.pop("default"), "[default] is missing"),
    "name": (lambda t: t.update({'"../a"': t["tiny"]}), "a name has at most 32"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_file_of_configurations(tmp_path, mistake):
    change, words = MISTAKES[mistake]
    (tmp_path / "c.toml").write_text(table(change))
    with pytest.raises(ConfigError) as caught:
        config_file.read_table(tmp_path / "c.toml")
    assert words in str(caught.value)


def test_file_of_configurations_that_is_none(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text(table(lambda t: None))
    assert list(config_file.read_table(file)) == ["default", "tiny"]
    for text, words in (
        (table(lambda t: None) + "K = 3\n", "overwrite"),
        (table(lambda t: None) + "[tiny]\n", "twice"),
        ("a = 1\n", "outside of a"),
        ("a = " + "[" * 10**5, "nested too deep"),
        ("a = " + "9" * 5000, "digits"),
    ):
        file.write_text(text)
        with pytest.raises(ConfigError, match=words):
            config_file.read_table(file)
    with pytest.raises(ConfigError, match="no such file"):
        config_file.read_table(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "../../x"),
        ("name", "a" * 33),
        ("weight_depth", -1),
        ("weight_depth", 10**9),
        ("K", 0),
        ("L", 32),
        ("data_w", 9),
        ("stream_w", 40),
        ("x_per_cycle", 3),
        ("neuron_depth", 48),
        ("deep", True),
        ("K", 2.0),
        ("P", 10**5000),
    ],
    ids=range(13),
)
def test_configuration_that_nothing_is_built_from(field, value):
    fields = {**config.dataclasses.asdict(config.load("tiny")), field: value}
    with pytest.raises(ConfigError) as caught:
        config.from_fields(fields)
    assert field in str(caught.value)


def test_memories_are_bounded_together():
    with pytest.raises(ConfigError, match="Mbit"):
        config.load("paper512", weight_depth=1 << 18)
    with pytest.raises(ConfigError, match=r"K\*L\*P\*Q is 65536"):
        config.load("tiny", K=16, L=16, P=16, Q=16)


def test_fields_of_a_configuration():
    fields = config.dataclasses.asdict(config.load("tiny"))
    assert config.from_fields(fields) == config.load("tiny")
    for odd, words in (
        ({**fields, "x": 1}, "x: unknown"),
        ({k: v for k, v in fields.items() if k != "P"}, "P: missing"),
        ([], "expected an object"),
    ):
        with pytest.raises(ConfigError, match=words):
            config.from_fields(odd)


# --- folders of results -------------------------------------------------------------------------


def test_writers_of_one_folder_do_not_mix(tmp_path):
    """Eight at a time: what is there in the end is all from one of them."""
    out = tmp_path / "out"

    def write(number: int) -> None:
        with staging.staged(out, "last") as folder:
            for name in [*map(str, range(30)), "last"]:
                (folder / name).write_text(str(number))

    for _ in range(3):
        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(write, n) for n in range(8)]:
                done.result()
        assert len({f.read_text() for f in out.iterdir()}) == 1
        assert len(list(out.iterdir())) == 31
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("place", ["file/below", "/proc/none/out", "n" * 256])
def test_out_is_tried_before_the_work(tmp_path, monkeypatch, capsys, place):
    """Were anything computed, a call of None would be a traceback."""
    build_image(make_checkpoint(tmp_path / "m.npz"), "tiny", tmp_path / "image")
    (tmp_path / "file").write_text("")
    np.save(tmp_path / "x.npy", np.zeros((3, 7)))
    monkeypatch.setattr(flow, "build", None)
    monkeypatch.setattr(model_run, "run_part", None)
    out = ["--out", tmp_path / place]
    for name, args in (
        ("gen_image", [tmp_path / "m.npz", "--config", "tiny"]),
        ("simulate", [tmp_path / "image", "--inputs", tmp_path / "x.npy"]),
    ):
        assert command(name, *args, *out) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_image_of_another_program_is_refused(tmp_path):
    """Every file is whole and every hash right, but the program is that of other weights."""
    for seed in (0, 1):
        source = make_checkpoint(tmp_path / f"{seed}.npz", seed=seed)
        build_image(source, "tiny", tmp_path / str(seed))
    one, other = tmp_path / "0", tmp_path / "1"
    manifest = json.loads((one / "manifest.json").read_text())
    for name in ("program.npz", "image.bin"):
        (one / name).write_bytes((other / name).read_bytes())
        manifest["files"][name] = files.sha256((one / name).read_bytes())
        (one / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(ValueError, match="is not that of the program"):
            flow.load(one)
    flow.load(other)


def test_the_working_folder_takes_results(tmp_path, monkeypatch):
    """``.`` has another folder above it, and two locks."""
    monkeypatch.chdir(tmp_path)
    with staging.staged(Path(), "last") as folder:
        (folder / "last").write_text("1")
    assert [f.name for f in tmp_path.iterdir()] == ["last"]
