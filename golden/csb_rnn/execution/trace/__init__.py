# SPDX-License-Identifier: Apache-2.0
"""Who worked when, and where every cycle went: made from a program and a recorded prediction.

The timing model equals the RTL cycle by cycle (:mod:`csb_rnn.execution.timing`), so its record
*is* the machine's timeline:

* :func:`losses` accounts for every PE-cycle of the measured interval; the parts add up exactly to
  PEs x interval, so the shares of all but ``useful`` add up to 1 - frame efficiency;
* :func:`counters` gives the machine's counters after such a run;
* :func:`csb_rnn.execution.trace.trace_events.trace_events` is the timeline for Perfetto.
"""

from csb_rnn.execution.trace.idle_path import idle_path
from csb_rnn.execution.trace.lost_cycles import CAUSES, Losses, counters, losses
from csb_rnn.execution.trace.timeline import Timeline, first_beats, timeline
from csb_rnn.execution.trace.trace_events import trace_events

__all__ = [
    "CAUSES",
    "Losses",
    "Timeline",
    "counters",
    "first_beats",
    "idle_path",
    "losses",
    "timeline",
    "trace_events",
]
