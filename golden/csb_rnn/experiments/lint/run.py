# SPDX-License-Identifier: Apache-2.0
"""Runs the gates of ``make lint``, prints their findings and a table of them."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from csb_rnn.experiments.lint import clocks, sources, tools
from csb_rnn.experiments.reports import measured
from csb_rnn.machine import folders


def _run(jobs: Iterable[tools.Job]) -> tuple[Counter[str], Counter[str]]:
    """Runs jobs, as many at a time as there are processors; counts calls and findings by tool."""
    jobs = list(jobs)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outputs = list(pool.map(tools.execute, jobs))
    # One finding often shows in several configurations: print it once.
    results = zip(jobs, outputs, strict=True)
    unique = {(job.tool, text): job.subject for job, text in results if text}
    for (tool, text), subject in unique.items():
        print(f"--- {tool}: {subject}\n{text}\n")
    return Counter(job.tool for job in jobs), Counter(tool for tool, _ in unique)


def _table(calls: Counter[str], findings: Counter[str], seconds: float) -> int:
    print(f"{'tool':<10}{'calls':>6}{'findings':>10}")
    for tool, count in calls.items():
        print(f"{tool:<10}{count:>6}{findings[tool]:>10}")
    print(f"{seconds:.0f} s")
    return 1 if findings.total() else 0


def fix() -> int:
    """Rewrites formats; returns the exit code."""
    started = time.monotonic()
    calls, findings = _run(tools.format_jobs(True))
    return _table(calls, findings, time.monotonic() - started)


def lint() -> int:
    """All tools and all rules; returns the exit code, 1 if there is a finding."""
    started = time.monotonic()
    rules = {
        "layout": tools.layout_findings(),
        "clocks": clocks.clock_findings(folders.ROOT),
        "sources": sources.source_findings(folders.ROOT),
    }
    found = _run([*tools.format_jobs(False), *tools.type_jobs(), *tools.rtl_jobs()])
    for text in [text for texts in rules.values() for text in texts]:
        print(text)
    for line in measured.stale():
        print(f"warning: {line}")
    calls = Counter({"layout": len(tools.HDL_FILES), "clocks": 1, "sources": 1}) + found[0]
    findings = found[1] + Counter({rule: len(texts) for rule, texts in rules.items()})
    return _table(calls, findings, time.monotonic() - started)
