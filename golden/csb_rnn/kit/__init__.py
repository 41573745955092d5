# SPDX-License-Identifier: Apache-2.0
"""The integration kit of a configuration: a folder with all that a design around it needs."""

from csb_rnn.kit.folder import write_kit

__all__ = ["write_kit"]
