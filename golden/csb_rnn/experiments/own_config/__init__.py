# SPDX-License-Identifier: Apache-2.0
"""A configuration from a file outside of the repository, through its kit's FuseSoC targets."""
