"""The cells, one file each: a new cell is a new file here and an entry in :data:`CELLS`."""

from golden.cells.gru import GRU
from golden.cells.gru_before import GRU_BEFORE
from golden.cells.ligru import LIGRU
from golden.cells.linear import LINEAR, LINEAR_RELU, LINEAR_SIGMOID, LINEAR_TANH
from golden.cells.lstm import LSTM
from golden.cells.lstmp import LSTMP
from golden.cells.mingru import MINGRU
from golden.cells.peephole import PEEPHOLE
from golden.cells.rnn import RNN, RNN_RELU
from golden.cells.sru import SRU
from golden.graph import Cell

CELLS: dict[str, Cell] = {
    c.name: c.check()
    for c in (
        LSTM,
        LSTMP,
        PEEPHOLE,
        GRU,
        GRU_BEFORE,
        LIGRU,
        MINGRU,
        SRU,
        RNN,
        RNN_RELU,
        LINEAR,
        LINEAR_RELU,
        LINEAR_SIGMOID,
        LINEAR_TANH,
    )
}
