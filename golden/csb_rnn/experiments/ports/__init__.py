# SPDX-License-Identifier: Apache-2.0
"""The ports of ``csb_top`` on the RTL: beats a cycle of each, waves of each kind of transfer."""
