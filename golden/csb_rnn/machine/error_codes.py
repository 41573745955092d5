# SPDX-License-Identifier: Apache-2.0
"""Error codes of STATUS.error, and the answer of a host to each."""

from __future__ import annotations

from csb_rnn.machine.rtl_names import camel

# Error codes of STATUS.error: the first one wins, a start or the begin of a load clears it.
ERRORS = {
    "none": (0, "no error"),
    "magic": (1, "image: does not begin with CSB1"),
    "version": (2, "image: made for another version of the format"),
    "config": (3, "image: made for another configuration"),
    "length": (4, "image: TLAST or a section's end is not where the header says"),
    "section": (5, "image: a section names an unknown target or does not fit its memory"),
    "crc": (6, "image: wrong checksum"),
    "frame": (7, "input frame: TLAST is not on the last beat that the program expects"),
    "no_image": (8, "start without a valid image, or while one is loaded"),
    "timeout": (9, "no beat that was owed came within WATCHDOG cycles: of a run, or of an image"),
    "flushed": (10, "image: CONTROL.flush ended it before its TLAST"),
    "busy": (11, "start while running; the run goes on"),
    "value": (12, "image: a program register's value is out of its range"),
    "missing": (13, "image: lacks the registers, a program's last word or the output table"),
    "program": (14, "an output frame came that no input frame had asked for, or of a wrong length"),
    "parity": (15, "a word of a program, a bias or the output table has a flipped bit; no image"),
}


_SEND_AGAIN = "check that the file is whole and send it again, then start"


_REBUILD = "build the image for this hardware (CONFIG_HASH, image format), send it, start"


# The host's action after an error; none needs rst_ni.
ERROR_ACTIONS = {
    "none": "-",
    "magic": _SEND_AGAIN,
    "version": _REBUILD,
    "config": _REBUILD,
    "length": f"if its transfer was reset: CONTROL.flush; {_SEND_AGAIN}",
    "section": _REBUILD,
    "crc": _SEND_AGAIN,
    "frame": "send frames of the program's length with TLAST on the last beat; if the transfer was "
    "reset: CONTROL.flush; then start",
    "no_image": "load an image, then start",
    "timeout": "of a run: the program is wrong or WATCHDOG too small: load an image or write "
    "WATCHDOG, then start; of an image: send it again from its first word, then start",
    "flushed": "send the image again, then start",
    "busy": "nothing, or CONTROL.stop and start in one write to start the run anew",
    "value": _REBUILD,
    "missing": _REBUILD,
    "program": _REBUILD,
    "parity": "send the image again, then start; if it comes again, the memory itself is broken",
}


def package_lines(width: int) -> list[str]:
    """A parameter of ``csb_regs_pkg`` for each code, of so many bits."""
    return [
        f"  parameter logic [{width - 1}:0] Err{camel(name)} = {width}'d{code};"
        for name, (code, _) in ERRORS.items()
    ]
