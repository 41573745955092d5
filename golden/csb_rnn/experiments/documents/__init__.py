# SPDX-License-Identifier: Apache-2.0
"""Files that follow from definitions: reference pages, tables in pages, packages, FuseSoC core."""
