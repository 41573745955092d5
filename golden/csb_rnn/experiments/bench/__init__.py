# SPDX-License-Identifier: Apache-2.0
"""The benchmark of the engine: ten published models, their tables and figures.

Measured: :mod:`.models` shapes, rates and weights; :mod:`.programs` their programs;
:mod:`.layers` and :mod:`.frames` rows, :mod:`.on_rtl` a run of the RTL; :mod:`.plan` the choice of
rows, :mod:`.run` their order, :mod:`.results` how they are kept. Shown: :mod:`.layer_tables`,
:mod:`.frame_tables`, :mod:`.area_tables`, :mod:`.targets` as text, :mod:`.page` as pages,
:mod:`.figures`. ``scripts/bench.py`` runs it.
"""
