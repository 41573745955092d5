"""The cells, one file each: a new cell is a new file here and an entry in :data:`CELLS`."""

from golden.cells.gru import GRU
from golden.cells.lstm import LSTM
from golden.graph import Cell

CELLS: dict[str, Cell] = {c.name: c.check() for c in (LSTM, GRU)}
