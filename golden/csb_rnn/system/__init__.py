# SPDX-License-Identifier: Apache-2.0
"""The computer around: files of others, read with bounds; processes with the same end as their
command."""
