# SPDX-License-Identifier: Apache-2.0
"""csb_top as a library in this process: a million frames in minutes, and any bit to be flipped."""
