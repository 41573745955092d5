# SPDX-License-Identifier: Apache-2.0
"""The float and the fixed model of a network, and the quantiser between them."""
