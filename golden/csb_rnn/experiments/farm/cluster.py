# SPDX-License-Identifier: Apache-2.0
"""Workers by the argument of ``--cluster``, through Dask distributed.

=============================  =================================================================
``local``                      processes of this computer
``tcp://10.0.0.7:8786``        the workers of a scheduler that runs there
any other name                 a profile of Dask's own configuration, section ``jobqueue``, for
                               Slurm through dask-jobqueue (``pip install csb-rnn[slurm]``)
=============================  =================================================================

A profile is a file such as ``~/.config/dask/farm.yaml``; its workers need this package on a path of
their own::

    jobqueue:
      night:
        cores: 1
        memory: 4GB
        walltime: "08:00:00"
        account: vlsi
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from typing import Any

from csb_rnn import commands
from csb_rnn.errors import CsbError

__all__ = ["FarmError", "add_arguments", "workers"]

LOCAL = "local"


class FarmError(CsbError, RuntimeError):
    """No workers, or a job that they could not do; one line for the user."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--cluster`` and ``--workers``."""
    parser.add_argument(
        "--cluster",
        metavar="local|ADDRESS|PROFILE",
        help="do all on workers: of this computer, of a Dask scheduler, of a Slurm profile",
    )
    parser.add_argument(
        "--workers", type=commands.positive_int, default=2, help="their number (default 2)"
    )


def _profile(name: str, count: int) -> Any:
    """
    Raises:
        FarmError: no dask-jobqueue, or no such profile.
    """
    import dask

    try:
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise FarmError(
            "--cluster PROFILE needs dask-jobqueue: pip install csb-rnn[slurm]"
        ) from None
    known = dask.config.get("jobqueue", {})
    if name not in known:
        raise FarmError(f"--cluster {name}: no such profile in Dask's configuration, section"
                        f" jobqueue; known: {', '.join(known) or 'none'}")  # fmt: skip
    cluster = SLURMCluster(config_name=name)
    cluster.scale(jobs=count)
    return cluster


@contextlib.contextmanager
def workers(cluster: str, count: int = 2) -> Iterator[Any]:
    """A client of ``distributed`` with workers of one thread; they end with the block.

    Args:
        cluster: ``local``, the address of a scheduler, or a profile's name.
        count: of workers to start; a scheduler that runs has its own.

    Raises:
        FarmError: distributed is not installed, or no scheduler is there.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise FarmError("--cluster needs Dask distributed: pip install csb-rnn[cluster]") from None
    with contextlib.ExitStack() as stack:
        if cluster == LOCAL:
            found: Any = stack.enter_context(
                LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None)
            )
        elif ":" in cluster:
            found = cluster
        else:
            found = stack.enter_context(_profile(cluster, count))
        try:
            yield stack.enter_context(Client(found))
        except OSError as error:
            raise FarmError(f"--cluster {cluster}: {str(error).splitlines()[0]}") from None
