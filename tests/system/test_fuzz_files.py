# SPDX-License-Identifier: Apache-2.0
"""Files and arguments changed at random: each command ends well or with one line and exit code 2.

``CSB_FUZZ_FILES`` says how many cases are drawn (150 by default, 2,000 in ``make nightly``). A
case follows from ``CSB_SEED`` and its number alone; ``CSB_FUZZ_ONLY=17`` repeats case 17.
"""

from __future__ import annotations

import os
import random
import shutil

from csb_rnn.machine import config
from csb_rnn.system import untrusted
from csb_rnn.verify import image_run
from tests.system import changed_files

CASES = int(os.environ.get("CSB_FUZZ_FILES", "150"))


def test_commands_on_changed_files(tmp_path, tmp_path_factory, monkeypatch, capsys, seed) -> None:
    files = changed_files.good(tmp_path_factory.mktemp("good"))
    monkeypatch.setattr(image_run, "compare", changed_files.reached)
    only = os.environ.get("CSB_FUZZ_ONLY")
    wrong, refused = [], 0
    for number in range(CASES) if only is None else [int(only)]:
        rng = random.Random(f"{seed} {number}")
        kind, work = changed_files.KINDS[number % len(changed_files.KINDS)], tmp_path / "case"
        work.mkdir()
        monkeypatch.chdir(work)
        with monkeypatch.context() as patch:
            name, args = kind(rng, work, files)
            before = {f.name for f in work.iterdir()}
            if kind is changed_files.configurations:
                patch.setattr(config, "CONFIG_FILE", work / "configs.toml")
                config._table.cache_clear()
            problem = changed_files.outcome(name, args, capsys)
        config._table.cache_clear()
        after = {f.name for f in work.iterdir()}
        refused += "out" not in after
        if not problem and kind is not changed_files.arguments and after - before - {"out"}:
            problem = f"left behind: {sorted(after - before)}"
        if problem:
            shown = [untrusted.clean(str(a), 80) for a in args]
            wrong.append(
                f"CSB_SEED={seed} CSB_FUZZ_ONLY={number} {kind.__name__}: {name} {shown}\n{problem}"
            )
        monkeypatch.chdir(tmp_path)
        shutil.rmtree(work)
    assert not wrong, f"{len(wrong)} of {CASES}:\n" + "\n".join(wrong)
    assert only is not None or refused > CASES // 3  # the changes are felt
