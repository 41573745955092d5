# SPDX-License-Identifier: Apache-2.0
"""The benchmark of the engine: ten published models, their tables and figures.

:mod:`.models` shapes, rates and weights; :mod:`.measure` rows of a table; :mod:`.plan` which rows;
:mod:`.page` tables, figures and the page of results. ``scripts/bench.py`` runs it.
"""
