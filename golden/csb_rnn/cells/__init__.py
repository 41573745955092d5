# SPDX-License-Identifier: Apache-2.0
"""The cells, one file each: a new cell is a new file here and an entry in :data:`CELLS`."""

from csb_rnn.cells.graph import Cell
from csb_rnn.cells.gru import GRU
from csb_rnn.cells.gru_before import GRU_BEFORE
from csb_rnn.cells.ligru import LIGRU
from csb_rnn.cells.linear import LINEAR, LINEAR_RELU, LINEAR_SIGMOID, LINEAR_TANH
from csb_rnn.cells.lstm import LSTM
from csb_rnn.cells.lstmp import LSTMP
from csb_rnn.cells.mingru import MINGRU
from csb_rnn.cells.peephole import PEEPHOLE
from csb_rnn.cells.rnn import RNN, RNN_RELU
from csb_rnn.cells.sru import SRU

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
