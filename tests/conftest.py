# SPDX-License-Identifier: Apache-2.0
"""Common to all tests: their simulators and the seed."""

import os
import sys
from collections.abc import Iterator
from unittest import mock

import hypothesis
import pytest

from csb_rnn.simulation import builds, launcher, repeat, toolchain
from csb_rnn.system import processes

BUILT_BEFORE = pytest.StashKey[int]()  # size of the list of builds when the session began


@pytest.hookimpl(tryfirst=True)  # before hypothesis reads its seed
def pytest_configure(config: pytest.Config) -> None:
    processes.follow_make()
    # Tests run side by side: spinning threads of torch and numpy cost double.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # How long an example takes says more of the machine's load than of the code.
    hypothesis.settings.register_profile("project", deadline=None)
    hypothesis.settings.load_profile("project")
    config.addinivalue_line("markers", "sims(*names): the simulators of this test; default: all")
    config.addinivalue_line("markers", "nightly: too long for the suite; make nightly runs it")
    built = builds.BUILT
    config.stash[BUILT_BEFORE] = built.stat().st_size if built.exists() else 0
    # Drawn once, before parallel workers inherit the environment; hypothesis takes the same one.
    seed = repeat.seed_from_env()
    if config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = seed


@pytest.hookimpl
def pytest_sessionstart(session: pytest.Session) -> None:
    """Messages of the launcher (a build of minutes) get past the capture, at once."""
    capture = session.config.pluginmanager.getplugin("capturemanager")

    def tell(text: str) -> None:
        redirected = sys.stdout  # by a test, which capture would undo when it goes on
        with capture.global_and_fixture_disabled():
            print(f"\n{text}", file=sys.stderr, flush=True)
        sys.stdout = redirected

    if capture is not None:
        builds.tell = tell


@pytest.fixture(autouse=True)
def environment_as_before() -> Iterator[None]:
    """A test leaves no variable to the next one: a command that it calls may set ``CSB_OPT``."""
    with mock.patch.dict(os.environ):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """Wave files (WAVES=1) go with the report, from parallel workers too."""
    report = yield
    report.user_properties += [("waves", str(file)) for file in launcher.recorded]
    launcher.recorded.clear()
    return report


def pytest_report_header() -> str:
    return f"CSB_SEED={repeat.seed_from_env()} SIM={os.environ.get('SIM', 'both')}"


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Waves that were written and simulations that were built; a run that fails ends with its
    seed, as its first lines are far away."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "waves":
                    terminalreporter.write_line(f"waves: {value} ({report.nodeid})")
    built = builds.builds_since(config.stash[BUILT_BEFORE])
    for sim in toolchain.SIMULATORS:
        seconds = [entry["seconds"] for entry in built if entry["sim"] == sim]
        if seconds:
            terminalreporter.write_line(
                f"built for {sim}: {len(seconds)}, {sum(seconds):.0f} s of processor time"
            )
    if exitstatus == pytest.ExitCode.TESTS_FAILED:
        terminalreporter.write_line(f"repeat: with CSB_SEED={repeat.seed_from_env()}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked nightly take part if ``CSB_NIGHTLY`` is set."""
    if os.environ.get("CSB_NIGHTLY"):
        return
    later = [item for item in items if item.get_closest_marker("nightly")]
    if later:
        config.hook.pytest_deselected(items=later)
        items[:] = [item for item in items if not item.get_closest_marker("nightly")]


def chosen_simulators() -> tuple[str, ...]:
    """The simulators that ``SIM`` names: one of them, or ``both``."""
    wanted = os.environ.get("SIM", "both")
    chosen = toolchain.SIMULATORS if wanted == "both" else (wanted,)
    if set(chosen) - set(toolchain.SIMULATORS):
        raise pytest.UsageError(f"SIM={wanted}: must be {', '.join(toolchain.SIMULATORS)} or both")
    return chosen


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with an argument ``sim`` runs once for each simulator that ``SIM`` names."""
    if "sim" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("sims")
        chosen = [s for s in chosen_simulators() if marker is None or s in marker.args]
        metafunc.parametrize("sim", chosen)


@pytest.fixture
def simulators() -> tuple[str, ...]:
    """The chosen simulators: for a test on all of them with a comparison of the results."""
    return chosen_simulators()


@pytest.fixture
def seed() -> int:
    """The seed of this session, for random cases made outside of the simulator."""
    return repeat.seed_from_env()
