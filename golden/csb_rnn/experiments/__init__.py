# SPDX-License-Identifier: Apache-2.0
"""The documents' measurements: tasks, benchmark, silicon, reports."""
