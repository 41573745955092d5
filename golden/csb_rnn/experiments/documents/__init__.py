# SPDX-License-Identifier: Apache-2.0
"""Files made of definitions: reference pages, tables in pages, packages, FuseSoC core."""
