# SPDX-License-Identifier: Apache-2.0
"""Measurements that the documents show: tasks, benchmark, silicon, reports."""
