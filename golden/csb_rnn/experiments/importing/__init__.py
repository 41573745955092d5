# SPDX-License-Identifier: Apache-2.0
"""Files of others: exports of torch, models from public packages, how long a large one takes."""
