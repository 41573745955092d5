# SPDX-License-Identifier: Apache-2.0
"""Proofs of modules by induction, each with covers and planted bugs: formal/ and its results."""
