# SPDX-License-Identifier: Apache-2.0
"""The soak: drawn networks, frames, stalls and interruptions on the RTL, for as long as wished."""
