# SPDX-License-Identifier: Apache-2.0
"""Networks as users trained them: checkpoints, ONNX files and descriptions, read and checked."""
